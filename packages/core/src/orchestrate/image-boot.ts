import { BootcError } from '../errors.js'
import type { ReadTree } from '../interfaces/index.js'

declare module '../errors.js' {
  interface ErrorDetails {
    IMAGE_KERNEL: { problem: 'none' | 'several' | 'no-initramfs'; kernels: readonly string[] }
  }
}

type Tree = Pick<ReadTree, 'stat' | 'list'>

/** What an image brings to boot by. */
export interface ImageBoot {
  /** Directories of /usr/lib/modules with a kernel in them. */
  readonly kernels: readonly { readonly version: string; readonly initramfs: boolean }[]
  /** Paths of unified kernel images, without addons. */
  readonly ukis: readonly string[]
  /** Kernels where old images of OSTree have them. */
  readonly legacy: boolean
}

const modules = 'usr/lib/modules'

export async function inspectBoot(tree: Tree): Promise<ImageBoot> {
  const kernels: { version: string; initramfs: boolean }[] = []
  const ukis = await ukisIn(tree, 'boot/EFI/Linux')
  for (const { name, type } of await listing(tree, modules)) {
    if (type !== 'directory') continue
    const directory = `${modules}/${name}`
    ukis.push(...(await ukisIn(tree, directory)))
    if ((await tree.stat(`${directory}/vmlinuz`))?.type !== 'file') continue
    const initramfs =
      (await isFile(tree, `${directory}/initramfs.img`)) || (await isFile(tree, `${directory}/initramfs`))
    kernels.push({ version: name, initramfs })
  }
  return { kernels, ukis, legacy: await hasLegacyKernel(tree) }
}

/**
 * Refuse what no loader could start, or two could disagree about. Unified kernel images bring their own initramfs.
 *
 * @throws BootcError `IMAGE_KERNEL`
 */
export function assertBoots({ kernels, ukis, legacy }: ImageBoot): void {
  const names = [...kernels.map(({ version }) => version), ...ukis]
  const refuse = (problem: 'none' | 'several' | 'no-initramfs', message: string) =>
    new BootcError('IMAGE_KERNEL', message, { details: { problem, kernels: names } })
  if (names.length === 0 && !legacy) throw refuse('none', `the image has no kernel in /${modules}`)
  if (ukis.length > 0) return
  if (kernels.length > 1) {
    throw refuse('several', `the image has more than one kernel in /${modules}: ${names.join(', ')}`)
  }
  const bare = kernels.find(({ initramfs }) => !initramfs)
  if (bare !== undefined && !legacy) {
    throw refuse('no-initramfs', `kernel ${bare.version} of the image has no initramfs.img beside it`)
  }
}

async function ukisIn(tree: Tree, directory: string): Promise<string[]> {
  return (await listing(tree, directory))
    .filter(({ name, type }) => type === 'file' && name.endsWith('.efi') && !name.endsWith('.addon.efi'))
    .map(({ name }) => `${directory}/${name}`)
}

async function hasLegacyKernel(tree: Tree): Promise<boolean> {
  for (const directory of ['usr/lib/ostree-boot', 'boot']) {
    const names = await listing(tree, directory)
    if (names.some(({ name }) => /^vmlinuz-.+-[0-9a-f]{64}$/.test(name))) return true
  }
  return false
}

/** Empty where there is no such directory, or a link on the way to it. */
async function listing(tree: Tree, path: string): Promise<{ name: string; type: string }[]> {
  for (let at = path.indexOf('/'); at > 0; at = path.indexOf('/', at + 1)) {
    if ((await tree.stat(path.slice(0, at)))?.type !== 'directory') return []
  }
  if ((await tree.stat(path))?.type !== 'directory') return []
  const out: { name: string; type: string }[] = []
  for await (const { name, stat } of tree.list(path)) out.push({ name, type: stat.type })
  return out
}

async function isFile(tree: Tree, path: string): Promise<boolean> {
  return (await tree.stat(path))?.type === 'file'
}
