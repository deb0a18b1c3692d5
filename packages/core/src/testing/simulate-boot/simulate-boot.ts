import type { ReadTree, Sysroot } from '../../interfaces/index.js'
import { followPath, readFollowing } from './follow.js'
import { readMenu, type MenuEntry } from './loaders.js'

/** A system as it would come up. */
export interface SimulatedBoot {
  readonly loader: string
  /** Entries of the menu, the first one booted. */
  readonly menu: readonly MenuEntry[]
  /** What /proc/cmdline would say. */
  readonly cmdline: string
  /** Directory of the running root, below the physical root. */
  readonly deployment: string
  /** Of `os-release`. */
  readonly version: string
  /** Content of a file of the running system, links followed; undefined when absent. */
  read(path: string): Promise<string | undefined>
}

/** Nothing comes up; the message says why. */
export class BootFailure extends Error {
  override readonly name = 'BootFailure'
}

/**
 * Boot by reading files, as firmware, boot loader and initramfs do, sharing no code with stores and loaders:
 * find the default entry, its kernel and initramfs, the deployment that the root arguments lead to, and check
 * that the deployment is one (usr, etc, os-release) and that the kernel is its own.
 *
 * Knows `memory=` (core/testing) and `ostree=` root arguments, entries of `memoryBootloader` and of GRUB's
 * blscfg.
 *
 * @param entry place in the menu; default the first
 * @throws BootFailure
 */
export async function simulateBoot(
  sysroot: Pick<Sysroot, 'root' | 'boot'>,
  { entry: index = 0 }: { entry?: number } = {},
): Promise<SimulatedBoot> {
  const { root, boot } = sysroot
  const { loader, entries: menu } = await readMenu(boot.dir).catch((error: unknown) => {
    throw new BootFailure(`no menu: ${String(error)}`, { cause: error })
  })
  const entry = menu[index]
  if (entry === undefined) throw new BootFailure(`the menu has no entry ${index} (it has ${menu.length})`)
  const kernel = await loadBootFile(sysroot, entry.linux)
  const initrds: Buffer[] = []
  for (const path of entry.initrds) initrds.push(await loadBootFile(sysroot, path))

  const { deployment, etc, varDir } = await findRoot(root, entry.options)
  for (const path of [`${deployment}/usr`, etc, varDir]) {
    if ((await root.stat(path))?.type !== 'directory') throw new BootFailure(`${path} is not a directory`)
  }
  await checkKernel(root, deployment, kernel, initrds)
  const osRelease = (await readFollowing(root, `${deployment}/usr/lib/os-release`))?.toString('utf8')
  const version = /^VERSION_ID="?([^"\n]*)"?$/m.exec(osRelease ?? '')?.[1]
  if (version === undefined) throw new BootFailure(`${deployment} has no VERSION_ID in usr/lib/os-release`)
  return {
    ...{ loader, menu, deployment, version },
    cmdline: `BOOT_IMAGE=${entry.linux} ${entry.options}`,
    async read(path) {
      const where = path.startsWith('var/') ? `${varDir}/${path.slice(4)}` : `${deployment}/${path}`
      const inEtc = path.startsWith('etc/') ? `${etc}/${path.slice(4)}` : where
      return (await readFollowing(root, inEtc))?.toString('utf8')
    },
  }
}

/** Paths in entries are those of the boot volume, or of the root file system when /boot is a part of it. */
async function loadBootFile({ root, boot }: Pick<Sysroot, 'root' | 'boot'>, path: string): Promise<Buffer> {
  const tree: ReadTree = boot.bootPrefix === '/boot/' ? root : boot.dir
  const content = path.startsWith('/') ? await readFollowing(tree, path) : undefined
  if (content === undefined || content.length === 0) throw new BootFailure(`${path} cannot be loaded`)
  return content
}

interface FoundRoot {
  readonly deployment: string
  readonly etc: string
  readonly varDir: string
}

async function findRoot(root: ReadTree, options: string): Promise<FoundRoot> {
  const words = options.split(/\s+/)
  const value = (key: string) => words.find((word) => word.startsWith(`${key}=`))?.slice(key.length + 1)
  const ostree = value('ostree')
  if (ostree !== undefined) return findOstreeRoot(root, ostree)
  const memory = value('memory')
  if (memory === undefined) throw new BootFailure(`no root argument in ${JSON.stringify(options)}`)
  const deployment = await followPath(root, `memory/${memory}`)
  if (deployment === undefined) throw new BootFailure(`memory=${memory} leads nowhere`)
  const record = await readFollowing(root, `${deployment}.json`)
  if (record === undefined || record.length === 0) throw new BootFailure(`${deployment} has no record`)
  const { stateroot } = JSON.parse(record.toString('utf8')) as { stateroot: string }
  return { deployment, etc: `${deployment}/etc`, varDir: `memory/var/${stateroot}` }
}

/** ostree-prepare-root: the argument must be a symbolic link that leads to a deployment. */
async function findOstreeRoot(root: ReadTree, argument: string): Promise<FoundRoot> {
  const parent = await followPath(root, argument.slice(0, argument.lastIndexOf('/')))
  const link = `${parent}/${argument.slice(argument.lastIndexOf('/') + 1)}`
  if (parent === undefined || (await root.stat(link))?.type !== 'symlink') {
    throw new BootFailure(`ostree=${argument} is not a symbolic link`)
  }
  const deployment = await followPath(root, link)
  const stateroot = /^ostree\/deploy\/([^/]+)\/deploy\/[0-9a-f]{64}\.\d+$/.exec(deployment ?? '')?.[1]
  if (deployment === undefined || stateroot === undefined) {
    throw new BootFailure(`ostree=${argument} leads to no deployment (${deployment})`)
  }
  // The origin file is what libostree knows a deployment by; without it `ostree admin` fails.
  if ((await root.stat(`${deployment}.origin`)) === undefined) {
    throw new BootFailure(`${deployment} has no origin file`)
  }
  return { deployment, etc: `${deployment}/etc`, varDir: `ostree/deploy/${stateroot}/var` }
}

/** A kernel with the modules of another release starts, and then finds no driver. */
async function checkKernel(
  root: ReadTree,
  deployment: string,
  kernel: Buffer,
  initrds: readonly Buffer[],
): Promise<void> {
  const modules = `${deployment}/usr/lib/modules`
  if ((await root.stat(modules)) === undefined) throw new BootFailure(`${modules} is missing`)
  for await (const { name } of root.list(modules)) {
    const own = await readFollowing(root, `${modules}/${name}/vmlinuz`)
    if (own === undefined || !own.equals(kernel)) continue
    const initrd = await readFollowing(root, `${modules}/${name}/initramfs.img`)
    if (initrd === undefined || initrds.some((each) => each.equals(initrd))) return
  }
  throw new BootFailure(`kernel and initramfs in the entry are not those of ${deployment}`)
}
