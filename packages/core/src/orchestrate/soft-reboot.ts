import { isBootcError } from '../errors.js'
import type { Deployment, DeploymentStore, ReadTree } from '../interfaces/index.js'
import { joinPath } from '../names/index.js'

const unit = 'usr/lib/systemd/system/soft-reboot.target'

/**
 * Whether userspace alone could be restarted into a deployment (bootc.md §25): same kernel, same kernel
 * arguments but for those that select the root, the same SELinux policy as the running one, systemd able to.
 */
export function softRebootChecker(
  deployments: DeploymentStore,
  booted: Deployment | undefined,
  bootedKargs: readonly string[],
): (deployment: Deployment, kargs: readonly string[]) => Promise<boolean> {
  if (booted === undefined || !deployments.supports.softReboot) return () => Promise.resolve(false)
  return async (deployment, kargs) => {
    if (deployment.id === booted.id || deployment.bootDigest !== booted.bootDigest) return false
    if (comparable(kargs) !== comparable(bootedKargs)) return false
    try {
      const root = await deployments.root(deployment.id)
      if ((await root.stat(unit)) === undefined) return false
      return samePolicy(await loadedPolicy(root), await loadedPolicy(await deployments.root(booted.id)))
    } catch (error) {
      // Something is wrong with one of the roots. Status has to show the rest all the same.
      if (isBootcError(error)) return false
      throw error
    }
  }
}

/** Without the words that select a deployment. */
function comparable(kargs: readonly string[]): string {
  return kargs.filter((karg) => !/^(?:ostree|composefs(?:\.digest)?)=/.test(karg)).join(' ')
}

/** The policy that systemd loads at boot: the newest `policy.N` of the configured type; undefined without one. */
async function loadedPolicy(root: ReadTree): Promise<Buffer | undefined> {
  for (const etc of ['usr/etc', 'etc']) {
    const config = await readFile(root, joinPath(etc, 'selinux/config'))
    const type = /^[ \t]*SELINUXTYPE[ \t]*=[ \t]*([^\s#]+)/m.exec(config?.toString('utf8') ?? '')?.[1]
    if (type === undefined || type.includes('/') || type.startsWith('.')) continue
    const directory = joinPath(etc, 'selinux', type, 'policy')
    const versions: number[] = []
    if ((await root.stat(directory))?.type !== 'directory') continue
    for await (const { name } of root.list(directory)) {
      const version = /^policy\.(\d{1,6})$/.exec(name)?.[1]
      if (version !== undefined) versions.push(Number(version))
    }
    if (versions.length > 0) return readFile(root, joinPath(directory, `policy.${Math.max(...versions)}`))
  }
  return undefined
}

function samePolicy(a: Buffer | undefined, b: Buffer | undefined): boolean {
  return a === undefined || b === undefined ? a === b : a.equals(b)
}

async function readFile(tree: ReadTree, path: string): Promise<Buffer | undefined> {
  if ((await tree.stat(path))?.type !== 'file') return undefined
  const chunks: Uint8Array[] = []
  for await (const chunk of tree.read(path)) chunks.push(chunk)
  return Buffer.concat(chunks)
}
