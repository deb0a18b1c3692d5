import type { BootFile, ReadTree } from '@bootc-sdk/core'
import { digestHex } from '@bootc-sdk/core/oci'
import { treeFileSource } from '../boot/byte-source.js'
import { digestOfKernel, openUki } from '../boot/uki.js'
import { notBootable } from '../tree/oci-transform.js'
import type { BootType } from './origin.js'

/** What of an image is started: files of its root, or of a root before /boot was emptied. */
export type BootSource =
  | { readonly type: 'bls'; readonly kernel: BootFile; readonly initrd: BootFile }
  | {
      readonly type: 'uki'
      readonly image: BootFile
      readonly cmdline: string
      /** Addons that the image offers, by name without `.addon.efi`. */
      readonly addons: ReadonlyMap<string, BootFile>
    }

const modules = 'usr/lib/modules'
const ukiRoots = ['boot/EFI/Linux', modules] as const

/**
 * What boots an image, by bootc's choice: a unified kernel image where it has one, else the kernel of the first
 * directory in /usr/lib/modules.
 *
 * @param tree with the content of /boot
 * @throws BootcError `STORE_COMPOSEFS_NOT_BOOTABLE`, `BOOT_UKI_INVALID`
 */
export async function findBootSource(tree: ReadTree): Promise<BootSource> {
  return (await findUki(tree)) ?? findKernel(tree)
}

/** As `findBootSource`, for a deployment whose origin says which it was. */
export async function bootSourceOf(tree: ReadTree, type: BootType): Promise<BootSource> {
  if (type === 'bls') return findKernel(tree)
  const uki = await findUki(tree)
  if (uki !== undefined) return uki
  throw notBootable('the image has no unified kernel image any more')
}

/** Kernels of one digest are interchangeable: sha256 over kernel and initramfs, hex. */
export async function bootDigestOf(source: BootSource): Promise<string> {
  const bytes = (file: BootFile) => treeFileSource(file.tree, file)
  const digest =
    source.type === 'uki'
      ? await (await openUki(bytes(source.image))).bootDigest()
      : await digestOfKernel(bytes(source.kernel), bytes(source.initrd))
  return digestHex(digest)
}

async function findKernel(tree: ReadTree): Promise<BootSource> {
  for (const version of await directoriesIn(tree, modules)) {
    const kernel = await bootFile(tree, `${modules}/${version}/vmlinuz`, 'vmlinuz')
    if (kernel === undefined) continue
    const initrd = await bootFile(tree, `${modules}/${version}/initramfs.img`, 'initrd')
    if (initrd !== undefined) return { type: 'bls', kernel, initrd }
    throw notBootable(`kernel ${version} has no initramfs.img`)
  }
  throw notBootable(`there is no kernel in /${modules}`)
}

/** The first in byte order: in /boot/EFI/Linux itself, then beside the kernels. Addons lie in directories of their own. */
async function findUki(tree: ReadTree): Promise<BootSource | undefined> {
  const [boot, kernels] = ukiRoots
  const directories = [
    boot,
    ...(await directoriesIn(tree, kernels)).map((version) => `${kernels}/${version}`),
  ]
  for (const directory of directories) {
    if ((await statOf(tree, directory)) !== 'directory') continue
    for await (const { name, stat } of tree.list(directory)) {
      if (stat.type !== 'file' || !name.endsWith('.efi') || name.endsWith('.addon.efi')) continue
      const image = (await bootFile(tree, `${directory}/${name}`, name))!
      const uki = await openUki(treeFileSource(tree, image))
      const addons = await findAddons(tree, directory, name)
      return { type: 'uki', image, cmdline: (await uki.cmdline()) ?? '', addons }
    }
  }
  return undefined
}

const addonSuffix = '.addon.efi'

/** In `NAME.efi.extra.d` or beside the unified kernel image. */
async function findAddons(tree: ReadTree, directory: string, uki: string): Promise<Map<string, BootFile>> {
  const found = new Map<string, BootFile>()
  for (const place of [directory, `${directory}/${uki}.extra.d`]) {
    if ((await tree.stat(place))?.type !== 'directory') continue
    for await (const { name, stat } of tree.list(place)) {
      if (stat.type !== 'file' || !name.endsWith(addonSuffix)) continue
      found.set(name.slice(0, -addonSuffix.length), (await bootFile(tree, `${place}/${name}`, name))!)
    }
  }
  return found
}

async function directoriesIn(tree: ReadTree, path: string): Promise<string[]> {
  const names: string[] = []
  if ((await statOf(tree, path)) !== 'directory') return names
  for await (const { name, stat } of tree.list(path)) if (stat.type === 'directory') names.push(name)
  return names
}

async function bootFile(tree: ReadTree, path: string, name: string): Promise<BootFile | undefined> {
  const stat = await tree.stat(path)
  return stat?.type === 'file' ? { name, tree, path, sizeBytes: stat.sizeBytes } : undefined
}

/** A link where a directory should be (`/boot` of some images) leads nowhere here. */
async function statOf(tree: ReadTree, path: string): Promise<string | undefined> {
  for (let at = path.indexOf('/'); at > 0; at = path.indexOf('/', at + 1)) {
    if ((await tree.stat(path.slice(0, at)))?.type !== 'directory') return undefined
  }
  return (await tree.stat(path))?.type
}
