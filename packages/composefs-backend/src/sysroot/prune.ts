import type { DeploymentId, Dir } from '@bootc-sdk/core'
import { removeState } from './create.js'
import { deployRoot, isDeploymentId } from './layout.js'
import { removeTemporaryVar } from './var.js'

const temporaryName = /^\.bootc-sdk-[^/]*\.tmp$/

/** Remove deployments that are not kept, and what a power cut left of files that were being written. */
export async function pruneDeployments(root: Dir, keep: ReadonlySet<DeploymentId>): Promise<void> {
  const all = await stateDirs(root)
  await removeState(
    root,
    all.filter((id) => !keep.has(id)),
  )
  for (const id of all.filter((each) => keep.has(each))) {
    const directory = `${deployRoot}/${id}`
    const found: string[] = []
    for await (const { name } of root.list(directory)) if (temporaryName.test(name)) found.push(name)
    for (const name of found) await root.remove(`${directory}/${name}`)
  }
  await removeTemporaryVar(root)
}

/** Every directory that has a deployment's name, complete or not. */
export async function stateDirs(root: Dir): Promise<DeploymentId[]> {
  const ids: DeploymentId[] = []
  if ((await root.stat('state'))?.type !== 'directory') return ids
  if ((await root.stat(deployRoot))?.type !== 'directory') return ids
  for await (const { name, stat } of root.list(deployRoot)) {
    if (stat.type === 'directory' && isDeploymentId(name)) ids.push(name)
  }
  return ids
}
