import { isBootcError } from '../errors.js'
import type { Deployment, DeploymentStore, ReadTree } from '../interfaces/index.js'
import { joinPath } from '../names/index.js'

const unit = 'usr/lib/systemd/system/soft-reboot.target'

/** Why user space alone cannot be restarted into a deployment. Stable words, and a text that says it. */
export interface SoftRebootObstacle {
  readonly reason:
    | 'not-running'
    | 'booted'
    | 'kernel'
    | 'kernel-arguments'
    | 'no-unit'
    | 'selinux-policy'
    | 'store'
    | 'broken'
  readonly message: string
}

/**
 * What stands against restarting userspace alone into a deployment (bootc.md §25): it takes the same kernel, the same
 * kernel arguments but for those that select the root, the same SELinux policy as the running one, and a systemd able
 * to. Undefined: nothing.
 */
export function softRebootChecker(
  deployments: DeploymentStore,
  booted: Deployment | undefined,
  bootedKargs: readonly string[],
): (deployment: Deployment, kargs: readonly string[]) => Promise<SoftRebootObstacle | undefined> {
  const { softReboot, supports } = deployments
  if (booted === undefined) return () => Promise.resolve(notRunning)
  if (!supports.softReboot) return () => Promise.resolve(noStore)
  return async (deployment, kargs) => {
    if (deployment.id === booted.id) return { reason: 'booted', message: 'it is the one that runs' }
    if (deployment.bootDigest !== booted.bootDigest) {
      return { reason: 'kernel', message: 'its kernel or initramfs differs from the running one' }
    }
    if ((await comparable(kargs, deployments)) !== (await comparable(bootedKargs, deployments))) {
      return { reason: 'kernel-arguments', message: 'its kernel arguments differ from the running ones' }
    }
    try {
      const root = await deployments.root(deployment.id)
      if ((await root.stat(unit)) === undefined) {
        return { reason: 'no-unit', message: 'System does not support soft reboots' }
      }
      if (!samePolicy(await loadedPolicy(root), await loadedPolicy(await deployments.root(booted.id)))) {
        return { reason: 'selinux-policy', message: 'its SELinux policy differs from the running one' }
      }
      const message = await softReboot?.obstacle?.(deployment.id)
      return message === undefined ? undefined : { reason: 'store', message }
    } catch (error) {
      // Something is wrong with one of the roots. Status has to show the rest all the same.
      if (isBootcError(error)) return { reason: 'broken', message: error.message }
      throw error
    }
  }
}

const notRunning: SoftRebootObstacle = { reason: 'not-running', message: 'no deployment runs' }
const noStore: SoftRebootObstacle = { reason: 'store', message: 'the store cannot prepare one' }

/** Without the words that select a deployment. */
async function comparable(kargs: readonly string[], deployments: DeploymentStore): Promise<string> {
  const others: string[] = []
  for (const karg of kargs) {
    // A store that does not name its keys still knows its own words.
    const isRoot =
      deployments.rootKargKeys?.some((key) => karg.startsWith(`${key}=`)) ??
      (await deployments.identify(karg)) !== undefined
    if (!isRoot) others.push(karg)
  }
  return others.join(' ')
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
