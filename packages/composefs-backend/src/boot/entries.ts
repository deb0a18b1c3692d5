import type { BootEntry } from '@bootc-sdk/core'
import { parseBlsEntry } from '@bootc-sdk/core/bls'
import { isDirectory, sortedChildren } from '../tree/inode.js'
import type { ByteString, FileTree, Inode } from '../tree/inode.js'
import { find, lookup } from '../tree/lookup.js'
import { fromBytes, toBytes } from '../tree/names.js'
import { notBootable } from '../tree/oci-transform.js'
import { isRegular } from '../tree/read-file.js'
import type { ReadFile } from '../tree/read-file.js'

/** A regular file of the image; `path` as `ReadTree` has it. */
export interface ImageFile {
  readonly path: string
  readonly inode: Inode
}

/** What an image offers to boot. */
export type ImageBootEntry =
  | {
      /** A Type #1 entry that the image ships. */
      readonly kind: 'type1'
      readonly file: ImageFile
      readonly entry: BootEntry
      /** What `linux`, `initrd` and `efi` name, by the text in the entry. */
      readonly files: ReadonlyMap<string, ImageFile>
    }
  | {
      readonly kind: 'uki' | 'uki-addon'
      readonly file: ImageFile
      /** Below /boot/EFI/Linux, or below the directory of the kernel version. */
      readonly name: string
      /** Undefined for those in /boot. */
      readonly kernelVersion?: string
    }
  | {
      /** A kernel in /usr/lib/modules, of which a boot entry is to be made. */
      readonly kind: 'kernel'
      readonly kernelVersion: string
      readonly kernel: ImageFile
      /** Without one, no entry can be made. */
      readonly initrd?: ImageFile
      readonly osRelease?: ImageFile
    }

const maxEntryBytes = 64 << 10

/**
 * Everything an image can boot by, in the order in which tools take the first: Type #1 entries, unified
 * kernels, kernels. Directories are read in byte order.
 *
 * @param tree before `bootTransform`, which empties /boot
 * @throws BootcError `STORE_COMPOSEFS_NOT_BOOTABLE` for entries and kernels that are no regular files, and for
 *   files that an entry names and the image has not
 * @see composefs-rs 0.7.0 crates/composefs-boot/src/bootloader.rs
 */
export async function findBootEntries(tree: FileTree, readFile: ReadFile): Promise<ImageBootEntry[]> {
  return [...(await type1Entries(tree, readFile)), ...ukis(tree), ...kernels(tree)]
}

async function type1Entries(tree: FileTree, readFile: ReadFile): Promise<ImageBootEntry[]> {
  const base = 'boot/loader/entries'
  const entries: ImageBootEntry[] = []
  for (const [name, inode] of listing(tree, base)) {
    if (!name.endsWith('.conf')) continue
    const file = regular(`${base}/${name}`, inode)
    if (file.inode.size > maxEntryBytes)
      throw notBootable(`/${file.path} is larger than ${maxEntryBytes} bytes`)
    const text = Buffer.from(await readFile(file.inode, maxEntryBytes)).toString('utf8')
    const entry = parseBlsEntry(text, fromBytes(name))
    const efi = entry.extra.filter(([key]) => key === 'efi').map(([, value]) => value)
    const files = new Map<string, ImageFile>()
    for (const path of [entry.linux, ...entry.initrds, ...efi]) {
      if (path !== undefined) files.set(path, named(tree, file.path, path))
    }
    entries.push({ kind: 'type1', file, entry, files })
  }
  return entries
}

function named(tree: FileTree, entry: string, path: string): ImageFile {
  const bytes = toBytes(path).replace(/^\/+/, '')
  const found = lookup(tree, bytes)
  if (found === undefined || found === 'not-a-directory' || path.split('/').includes('..')) {
    throw notBootable(`/${entry} names ${JSON.stringify(path)}, which is not there`)
  }
  return regular(bytes, found)
}

function* ukis(tree: FileTree): Iterable<ImageBootEntry> {
  yield* ukisBelow('boot/EFI/Linux', listing(tree, 'boot/EFI/Linux'), '', undefined)
  for (const [version, inode] of listing(tree, modules)) {
    if (!isDirectory(inode)) continue
    yield* ukisBelow(`${modules}/${version}`, sortedChildren(inode), '', fromBytes(version))
  }
}

function* ukisBelow(
  base: ByteString,
  children: readonly [ByteString, Inode][],
  start: ByteString,
  kernelVersion: string | undefined,
): Iterable<ImageBootEntry> {
  for (const [name, inode] of children) {
    const below = start + name
    if (isDirectory(inode)) {
      yield* ukisBelow(base, sortedChildren(inode), `${below}/`, kernelVersion)
    } else if (name.endsWith('.efi')) {
      const isAddon = below.includes('/') || name.endsWith('.addon.efi')
      yield {
        kind: isAddon ? 'uki-addon' : 'uki',
        file: regular(`${base}/${below}`, inode),
        name: fromBytes(below),
        ...(kernelVersion === undefined ? {} : { kernelVersion }),
      }
    }
  }
}

const modules = 'usr/lib/modules'

function* kernels(tree: FileTree): Iterable<ImageBootEntry> {
  const osRelease = optional(tree, 'usr/lib/os-release')
  for (const [version, inode] of listing(tree, modules)) {
    if (!isDirectory(inode)) continue
    const kernel = optional(tree, `${modules}/${version}/vmlinuz`)
    if (kernel === undefined) continue
    const initrd = optional(tree, `${modules}/${version}/initramfs.img`)
    yield {
      kind: 'kernel',
      kernelVersion: fromBytes(version),
      kernel,
      ...(initrd === undefined ? {} : { initrd }),
      ...(osRelease === undefined ? {} : { osRelease }),
    }
  }
}

/** Entries of a directory in byte order; none when it is missing. */
function listing(tree: FileTree, path: ByteString): readonly [ByteString, Inode][] {
  const found = lookup(tree, path)
  if (found === undefined) return []
  if (found === 'not-a-directory' || !isDirectory(found)) {
    throw notBootable(`/${path} is not a directory`)
  }
  return sortedChildren(found)
}

function regular(path: ByteString, inode: Inode): ImageFile {
  if (!isRegular(inode)) throw notBootable(`/${fromBytes(path)} is not a regular file`)
  return { path: fromBytes(path), inode }
}

function optional(tree: FileTree, path: ByteString): ImageFile | undefined {
  const inode = find(tree, path)
  return inode === undefined || !isRegular(inode) ? undefined : { path: fromBytes(path), inode }
}
