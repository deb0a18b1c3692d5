import type { ReadTree, Sysroot } from '../../interfaces/index.js'
import { BootFailure } from './boot-failure.js'
import { readFollowing } from './follow.js'
import { readMenu, type MenuEntry } from './loaders.js'
import { startUki, type StartedUki } from './uki.js'
import { mountedView } from './mounted-view.js'
import { memoryRoots, ostreeRoots, type FoundRoot, type RootFollower } from './roots.js'

/** A system as it would come up. */
export interface SimulatedBoot {
  readonly loader: string
  /** Entries of the menu, the first one booted. */
  readonly menu: readonly MenuEntry[]
  /** What /proc/cmdline would say. */
  readonly cmdline: string
  /** Directory of the running deployment, below the physical root; its `etc` is the running one's. */
  readonly deployment: string
  /** Of `os-release`. */
  readonly version: string
  readonly marks: FoundRoot['marks']
  /** Content of a file of the running system, links followed; undefined when absent. */
  read(path: string): Promise<string | undefined>
}

export interface SimulateBootOptions {
  /** Place in the menu; default the first. */
  readonly entry?: number
  /** Formats of stores, besides those that are known: `memory=` (core/testing) and `ostree=`. */
  readonly roots?: readonly RootFollower[] | undefined
}

/**
 * Boot by reading files, as firmware, boot loader and initramfs do, sharing no code with stores and loaders:
 * find the default entry, its kernel and initramfs, the deployment that the root arguments lead to, and check
 * that the deployment is one (usr, etc, os-release) and that the kernel is its own.
 *
 * Knows entries of `memoryBootloader`, of GRUB's blscfg and of systemd-boot.
 *
 * @throws BootFailure
 */
export async function simulateBoot(
  sysroot: Pick<Sysroot, 'root' | 'boot'> & Partial<Pick<Sysroot, 'esps'>>,
  { entry: index = 0, roots = [] }: SimulateBootOptions = {},
): Promise<SimulatedBoot> {
  const { root } = sysroot
  const { loader, entries: menu } = await readMenu(sysroot).catch((error: unknown) => {
    throw new BootFailure(`no menu: ${String(error)}`, { cause: error })
  })
  const entry = menu[index]
  if (entry === undefined) throw new BootFailure(`the menu has no entry ${index} (it has ${menu.length})`)
  const { kernel, initrds, options } = await loadEntry(sysroot, entry)

  const { deployment, tree, etc, varDir, marks } = await findRoot(
    root,
    [...roots, memoryRoots, ostreeRoots],
    options,
  )
  if ((await tree.stat('usr'))?.type !== 'directory') throw new BootFailure(`${deployment} has no /usr`)
  for (const path of [etc, varDir]) {
    if ((await root.stat(path))?.type !== 'directory') throw new BootFailure(`${path} is not a directory`)
  }
  await checkKernel(tree, deployment, kernel, initrds)
  const osRelease = (await readFollowing(tree, 'usr/lib/os-release'))?.toString('utf8')
  const version = /^VERSION_ID="?([^"\n]*)"?$/m.exec(osRelease ?? '')?.[1]
  if (version === undefined) throw new BootFailure(`${deployment} has no VERSION_ID in usr/lib/os-release`)
  const running = mountedView(tree, { etc: root.sub(etc), var: root.sub(varDir) })
  return {
    ...{ loader, menu, deployment, version, marks },
    cmdline: entry.uki === undefined ? `BOOT_IMAGE=${entry.linux} ${options}` : options,
    read: async (path) => (await readFollowing(running, path))?.toString('utf8'),
  }
}

async function loadEntry(sysroot: Pick<Sysroot, 'root' | 'boot'>, entry: MenuEntry): Promise<StartedUki> {
  const load = (path: string) => loadBootFile(sysroot, path, entry.volume)
  if (entry.uki !== undefined) {
    const { options, ...files } = startUki(entry.uki, await load(entry.uki))
    return { ...files, options: [options, entry.options].filter(Boolean).join(' ') }
  }
  const initrds: Buffer[] = []
  const kernel = await load(entry.linux)
  for (const path of entry.initrds) initrds.push(await load(path))
  return { kernel, initrds, options: entry.options }
}

/** Paths in entries are those of the boot volume, or of the root file system when /boot is a part of it. */
async function loadBootFile(
  { root, boot }: Pick<Sysroot, 'root' | 'boot'>,
  path: string,
  volume: ReadTree | undefined,
): Promise<Buffer> {
  const tree: ReadTree = volume ?? (boot.bootPrefix === '/boot/' ? root : boot.dir)
  const content = path.startsWith('/') ? await readFollowing(tree, path) : undefined
  if (content === undefined || content.length === 0) throw new BootFailure(`${path} cannot be loaded`)
  return content
}

async function findRoot(
  root: Sysroot['root'],
  followers: readonly RootFollower[],
  options: string,
): Promise<FoundRoot> {
  const words = options.split(/\s+/)
  for (const { follow } of followers) {
    const found = await follow(root, words)
    if (found !== undefined) return found
  }
  throw new BootFailure(`no root argument in ${JSON.stringify(options)}`)
}

/** A kernel with the modules of another release starts, and then finds no driver. */
async function checkKernel(
  tree: ReadTree,
  deployment: string,
  kernel: Buffer,
  initrds: readonly Buffer[],
): Promise<void> {
  const modules = 'usr/lib/modules'
  if ((await tree.stat(modules)) === undefined) throw new BootFailure(`${deployment}: ${modules} is missing`)
  for await (const { name } of tree.list(modules)) {
    const own = await readFollowing(tree, `${modules}/${name}/vmlinuz`)
    if (own === undefined || !own.equals(kernel)) continue
    const initrd = await readFollowing(tree, `${modules}/${name}/initramfs.img`)
    if (initrd === undefined || initrds.some((each) => each.equals(initrd))) return
  }
  throw new BootFailure(`kernel and initramfs in the entry are not those of ${deployment}`)
}
