import { closeSync, constants, openSync, readSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { baseName, encodeName, parentPath } from '@bootc-sdk/core/names'
import { badContent, unsupportedDisk } from '../errors.js'
import type { PackNode } from '../scan-tree.js'
import type { Contents, FormatContext } from '../tools/formatters.js'
import { writeAt } from '../write-at.js'
import { BlockSpace } from './block-space.js'
import { BlockWriter, type BlockRegion } from './block-writer.js'
import { type DirectoryEntry, directoryBlocks } from './directory-blocks.js'
import { blockBytes } from './directory-room.js'
import { Extents, leafBlock } from './extents.js'
import { deviceData, fastLinkBytes, inodeFlags, inodeSeed, writeInode } from './inode.js'
import { InodeTables } from './inode-tables.js'
import { Ext4Layout, firstInode } from './layout.js'
import { placeXattrs, sealXattrBlock } from './xattrs.js'

const rootInode = 2
const lostAndFound = { name: Buffer.from('lost+found'), inode: firstInode - 1, type: 'directory' } as const
const maxLinks = 65_000

/**
 * Fill an empty ext4 with these entries: numbers of inodes and places of blocks follow from their order alone.
 *
 * Neither `mke2fs -d` nor debugfs does it: the first, before 1.47.1, takes directories in the order of the disk they are on,
 * and owners and attributes of the files as they are, which without root are the wrong ones; the second takes several times
 * as long as copying, for it looks for every block by itself.
 *
 * @param file the image
 * @throws BootcError `SYSROOT_DISK_CONTENT`, `SYSROOT_DISK_UNSUPPORTED`, `SYSROOT_DISK_TOO_SMALL`, `HOST_TOOL_FAILED`
 */
export async function fillExt4(
  file: FileHandle,
  region: BlockRegion,
  contents: Contents,
  context: FormatContext,
): Promise<void> {
  const { offsetBytes } = region
  const readBlocks = (block: number, count = 1) => {
    const out = Buffer.alloc(count * blockBytes)
    readSync(file.fd, out, 0, out.length, offsetBytes + block * blockBytes)
    return out
  }
  const layout = new Ext4Layout(readBlocks(0), readBlocks)
  const space = new BlockSpace(layout, readBlocks)
  const tables = new InodeTables(layout, firstInode - 1 + inodesOf(contents.nodes), readBlocks)
  const writer = new BlockWriter(file, region, space)
  try {
    await new Filler({ layout, tables, writer, ...contents, ...context }).fill()
  } finally {
    await writer.end()
  }
  const put = (bytes: Buffer, at: number) => writeAt(file, bytes, offsetBytes + at)
  for (const { at, bytes } of tables.finish()) await put(bytes, at * blockBytes)
  for (const { group, bitmap, count } of space.groups()) {
    layout.noteBlocks(group, bitmap, count)
    await put(bitmap, layout.blockBitmapAt(group) * blockBytes)
  }
  for (const { atBytes, bytes } of layout.heads()) await put(bytes, atBytes)
}

interface Job extends Contents, FormatContext {
  readonly layout: Ext4Layout
  readonly tables: InodeTables
  readonly writer: BlockWriter
}

class Filler {
  readonly #job: Job
  readonly #inodes = new Map<string, number>([['', rootInode]])
  /** Other names of files. */
  readonly #links = new Map<string, string[]>()
  readonly #children = new Map<string, PackNode[]>()

  constructor(job: Job) {
    this.#job = job
  }

  async fill(): Promise<void> {
    const { nodes, signal } = this.#job
    let next = firstInode
    for (const node of nodes) {
      if (node.type === 'directory') this.#children.set(node.path, [])
      if (node.path === '') continue
      this.#children.get(parentPath(node.path))!.push(node)
      if (node.linkOf === undefined) this.#inodes.set(node.path, next++)
      else appendTo(this.#links, node.linkOf, node.path)
    }
    // Directories lie together.
    for (const node of nodes) if (node.type === 'directory') await this.#directory(node)
    for (const node of nodes) {
      signal?.throwIfAborted()
      if (node.type !== 'directory' && node.linkOf === undefined) await this.#other(node)
    }
  }

  async #directory(node: PackNode): Promise<void> {
    const { writer, layout, tables } = this.#job
    const { path } = node
    const inode = this.#inodeOf(path)
    const children = this.#children.get(path)!
    const parent = path === '' ? inode : this.#inodeOf(parentPath(path))
    const entries: DirectoryEntry[] = [
      { name: Buffer.from('.'), inode, type: 'directory' },
      { name: Buffer.from('..'), inode: parent, type: 'directory' },
      ...(path === '' ? [lostAndFound] : []),
      ...children.map((child) => ({
        name: encodeName(baseName(child.path)),
        inode: this.#inodeOf(child.linkOf ?? child.path),
        type: child.type,
      })),
    ]
    const blocks = directoryBlocks(entries, inodeSeed(layout.checksumSeed, inode))
    const extents = new Extents()
    for (const [i, block] of blocks.entries()) {
      // mke2fs has given the root a block; the others are new.
      const place = path === '' && i === 0 ? tables.rootBlock(block) : await writer.block(block)
      extents.add(i, place, 1)
    }
    const directories = entries.filter(({ type }) => type === 'directory').length
    await this.#inode(node, {
      extents,
      sizeBytes: blocks.length * blockBytes,
      links: directories > maxLinks ? 1 : directories,
    })
  }

  async #other(node: PackNode): Promise<void> {
    const { path, type, sizeBytes, names: links } = node
    if (links > maxLinks) throw badContent(path, `has more than ${maxLinks} names`)
    if (type === 'file') {
      await this.#inode(node, { extents: await this.#content(node), sizeBytes, links })
    } else if (type === 'symlink') await this.#symlink(node)
    else if (type === 'socket')
      throw unsupportedDisk(`${JSON.stringify(path)} (${type})`, 'sockets cannot be packed')
    else {
      const { major = 0, minor = 0 } = node.device ?? {}
      await this.#inode(node, { data: deviceData(major, minor), sizeBytes: 0, links })
    }
  }

  async #content({ path, sizeBytes }: PackNode): Promise<Extents> {
    const extents = new Extents()
    if (sizeBytes === 0) return extents
    const full = encodeName(`${this.#job.contentPath}/${path}`)
    const fd = openSync(full, constants.O_RDONLY | constants.O_NOFOLLOW)
    try {
      const bytes = await this.#job.writer.content(fd, sizeBytes, extents)
      if (bytes !== sizeBytes) throw badContent(path, 'became shorter while it was packed')
    } finally {
      closeSync(fd)
    }
    const { contentPath, onFileRead } = this.#job
    if (onFileRead !== undefined) {
      for (const name of [path, ...(this.#links.get(path) ?? [])]) onFileRead(`${contentPath}/${name}`)
    }
    return extents
  }

  async #symlink(node: PackNode): Promise<void> {
    const target = encodeName(node.target ?? '')
    const made = { sizeBytes: target.length, links: node.names }
    if (target.length <= fastLinkBytes) {
      await this.#inode(node, { ...made, data: Buffer.concat([target], 60) })
      return
    }
    if (target.length >= blockBytes) throw badContent(node.path, 'is a link with a target that is too long')
    const extents = new Extents()
    extents.add(0, await this.#job.writer.block(Buffer.concat([target], blockBytes)), 1)
    await this.#inode(node, { ...made, extents })
  }

  async #inode(
    node: PackNode,
    made: { readonly sizeBytes: number; readonly links: number } & (
      | { readonly extents: Extents; readonly data?: never }
      | { readonly data: Buffer; readonly extents?: never }
    ),
  ): Promise<void> {
    const { layout, tables, writer, epoch } = this.#job
    const { path, type, mode, uid, gid, immutable, mtime } = node
    const number = this.#inodeOf(path)
    const seed = inodeSeed(layout.checksumSeed, number)
    const { inline, block } = placeXattrs(path, node.xattrs)
    const { extents, sizeBytes, links } = made
    let blocks = extents?.blocks ?? 0
    const leafPlaces: number[] = []
    const leaves = extents === undefined ? [] : extents.leaves
    if (leaves === undefined) throw badContent(path, 'would be in too many pieces')
    for (const leaf of leaves) leafPlaces.push(await writer.block(leafBlock(leaf, seed)))
    blocks += leafPlaces.length
    let xattrBlock: number | undefined
    if (block !== undefined) {
      xattrBlock = await writer.block((place) => {
        sealXattrBlock(block, place, layout.checksumSeed)
        return block
      })
      blocks++
    }
    const flags =
      (extents === undefined ? 0 : inodeFlags.extents) |
      (immutable && (type === 'file' || type === 'directory') ? inodeFlags.immutable : 0)
    const data = made.data ?? extents!.root(leafPlaces)
    const times = { mtime: Math.max(0, Math.min(Math.floor(mtime), epoch)), epoch }
    const rights = { type, mode: type === 'symlink' ? 0o777 : mode, uid, gid, xattrs: inline, xattrBlock }
    const out = tables.inode(number, type === 'directory')
    writeInode(out, { ...rights, ...times, sizeBytes, links, flags, blocks, data }, seed)
  }

  #inodeOf(path: string): number {
    return this.#inodes.get(path)!
  }
}

function appendTo(lists: Map<string, string[]>, key: string, value: string): void {
  const list = lists.get(key)
  if (list === undefined) lists.set(key, [value])
  else list.push(value)
}

function inodesOf(nodes: readonly PackNode[]): number {
  return nodes.filter(({ path, linkOf }) => path !== '' && linkOf === undefined).length
}
