import type { ReadTree, Stat } from '@bootc-sdk/core'
import { joinPath } from '@bootc-sdk/core/names'
import { invalid } from '../format/errors.js'
import { modeDirectory, modeFile, modeSymlink } from '../format/mode.js'
import type { ContentWriter, ObjectMeta } from './api.js'
import type { CommitModifier } from './commit-modifier.js'
import { mapLimit } from '@bootc-sdk/core/store-kit'
import { collect } from './io.js'
import type { FileSlot, TreeBuilder, TreeNode } from './tree-builder.js'

/** Files up to this size are read whole, several at a time. */
const wholeBytes = 1024 * 1024
const readsAtOnce = 8

/** Lay a directory tree over a builder, hashing every file on the way. */
export async function addReadTree(
  builder: TreeBuilder,
  tree: ReadTree,
  writer: ContentWriter,
  modifier: CommitModifier,
  signal?: AbortSignal,
): Promise<void> {
  const root = await tree.stat('')
  if (root?.type !== 'directory') throw invalid('tree', 'its root is not a directory')
  const walk = new TreeWalk(builder, tree, writer, modifier, signal)
  builder.root.meta = modifier.apply('/', await walk.meta('', root))
  await walk.directory('', builder.root)
}

class TreeWalk {
  readonly #builder: TreeBuilder
  readonly #tree: ReadTree
  readonly #writer: ContentWriter
  readonly #modifier: CommitModifier
  readonly #signal: AbortSignal | undefined
  /** Hard links are read once. */
  readonly #inodes = new Map<string, FileSlot>()

  constructor(
    builder: TreeBuilder,
    tree: ReadTree,
    writer: ContentWriter,
    modifier: CommitModifier,
    signal: AbortSignal | undefined,
  ) {
    this.#builder = builder
    this.#tree = tree
    this.#writer = writer
    this.#modifier = modifier
    this.#signal = signal
  }

  async directory(path: string, node: TreeNode): Promise<void> {
    const small: { name: string; stat: Stat }[] = []
    const dirs: { name: string; stat: Stat }[] = []
    for await (const { name, stat } of this.#tree.list(path)) {
      this.#signal?.throwIfAborted()
      const child = joinPath(path, name)
      if (this.#modifier.skips(`/${child}`)) continue
      if (stat.type === 'directory') dirs.push({ name, stat })
      else if (stat.type === 'file' && stat.sizeBytes > wholeBytes) {
        this.#builder.setFile(node, name, await this.#large(child, stat), `/${child}`)
      } else small.push({ name, stat })
    }
    const slots = await mapLimit(small, readsAtOnce, ({ name, stat }) =>
      this.#small(joinPath(path, name), stat),
    )
    slots.forEach((slot, index) => {
      const { name } = small[index]!
      this.#builder.setFile(node, name, slot, `/${joinPath(path, name)}`)
    })
    for (const { name, stat } of dirs) {
      const child = joinPath(path, name)
      const meta = this.#modifier.apply(`/${child}`, await this.meta(child, stat))
      await this.directory(child, this.#builder.setDir(node, name, meta, `/${child}`))
    }
  }

  async meta(path: string, stat: Stat): Promise<ObjectMeta> {
    const types: Partial<Record<Stat['type'], number>> = {
      file: modeFile,
      directory: modeDirectory,
      symlink: modeSymlink,
    }
    const type = types[stat.type]
    if (type === undefined) throw invalid(`/${path}`, `a ${stat.type} cannot be stored`)
    const xattrs = this.#modifier.wantsXattrs ? await this.#tree.xattrs(path) : []
    const mode = type | (stat.type === 'symlink' ? 0o777 : stat.mode)
    return { uid: stat.uid, gid: stat.gid, mode, xattrs }
  }

  async #small(path: string, stat: Stat): Promise<FileSlot> {
    const known = this.#known(stat)
    if (known !== undefined) return known
    const meta = this.#modifier.apply(`/${path}`, await this.meta(path, stat))
    await this.#room()
    const slot =
      stat.type === 'symlink'
        ? {
            id: this.#writer.put(
              { ...meta, symlinkTarget: await this.#tree.readlink(path) },
              new Uint8Array(0),
            ),
          }
        : { id: this.#writer.put(meta, await collect(this.#tree.read(path), 2 * wholeBytes, path)) }
    this.#remember(stat, slot)
    return slot
  }

  async #large(path: string, stat: Stat): Promise<FileSlot> {
    const known = this.#known(stat)
    if (known !== undefined) return known
    const meta = this.#modifier.apply(`/${path}`, await this.meta(path, stat))
    const id = this.#writer.begin(meta, stat.sizeBytes)
    let sizeBytes = 0
    for await (const chunk of this.#tree.read(path)) {
      this.#signal?.throwIfAborted()
      sizeBytes += chunk.length
      this.#writer.data(id, chunk)
      await this.#room()
    }
    if (sizeBytes !== stat.sizeBytes) throw invalid(`/${path}`, 'changed while it was read')
    this.#writer.end(id)
    this.#remember(stat, { id })
    return { id }
  }

  #known(stat: Stat): FileSlot | undefined {
    return stat.nlink > 1 && stat.ino !== 0 ? this.#inodes.get(`${stat.dev}:${stat.ino}`) : undefined
  }

  #remember(stat: Stat, slot: FileSlot): void {
    if (stat.nlink > 1 && stat.ino !== 0) this.#inodes.set(`${stat.dev}:${stat.ino}`, slot)
  }

  async #room(): Promise<void> {
    if (this.#writer.full) await this.#writer.drain()
  }
}
