import type { Dir } from '@bootc-sdk/core'
import { listBootLinks } from './boot-links.js'
import { deployRoot, deploymentId, originPath, parseDirectory, type DeploymentName } from './layout.js'

/** Stateroots that can hold deployments. */
export async function listStateroots(root: Dir): Promise<string[]> {
  const names: string[] = []
  if ((await root.stat(deployRoot))?.type !== 'directory') return names
  for await (const { name, stat } of root.list(deployRoot)) if (stat.type === 'directory') names.push(name)
  return names
}

/** Every directory that has a deployment's name; `complete` when its origin, which is written last, is there. */
export async function* scanDeployments(
  root: Dir,
): AsyncGenerator<{ readonly name: DeploymentName; readonly complete: boolean }> {
  for (const stateroot of await listStateroots(root)) {
    const directory = `${deployRoot}/${stateroot}/deploy`
    if ((await root.stat(directory))?.type !== 'directory') continue
    for await (const entry of root.list(directory)) {
      const name = entry.stat.type === 'directory' ? parseDirectory(stateroot, entry.name) : undefined
      if (name === undefined) continue
      yield { name, complete: (await root.stat(originPath(name)))?.type === 'file' }
    }
  }
}

/** Boot checksums of deployments that have links, by id: saves reading their kernels again. */
export async function linkedBootChecksums(root: Dir): Promise<Map<string, string>> {
  const out = new Map<string, string>()
  for (const version of [0, 1] as const) {
    for await (const { link, name } of listBootLinks(root, version)) {
      out.set(deploymentId(name), link.bootChecksum)
    }
  }
  return out
}

/** The serial a further deployment of a commit gets: one more than the highest there is. */
export async function nextDeploySerial(root: Dir, stateroot: string, checksum: string): Promise<number> {
  let next = 0
  for await (const { name } of scanDeployments(root)) {
    if (name.stateroot === stateroot && name.checksum === checksum)
      next = Math.max(next, name.deploySerial + 1)
  }
  return next
}
