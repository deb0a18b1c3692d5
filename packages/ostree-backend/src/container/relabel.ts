import type { Labeler } from '@bootc-sdk/core/selinux'
import type { ContentWriter, FileHeader, ObjectMeta, OstreeRepo } from '../repo/api.js'
import { storedLabel, withLabel } from './labels.js'
import type { ObjectPool } from './object-pool.js'
import type { TreeNode } from './tree-node.js'

/** Objects read or rewritten at once. */
const concurrency = 24

type SizedHeader = FileHeader & { readonly sizeBytes: number }

/**
 * Gives every file, link and directory of trees the label a policy has for its path, by writing new objects
 * where the label differs. Attributes come out as a file system gives them back: empty values vanish, symbolic
 * links have mode 0777.
 *
 * One for all trees of an import: the same object under the same label is rewritten once.
 */
export class Relabeler {
  readonly #repo: OstreeRepo
  readonly #pool: ObjectPool
  readonly #labeler: Labeler
  readonly #headers = new Map<string, SizedHeader>()
  readonly #metas = new Map<string, ObjectMeta>()
  /** Paths of the tree in hand whose object changes, with their key in `#rewritten`. */
  readonly #changes = new Map<string, string>()
  /** Object and label (`CHECKSUM LABEL`) to new object. */
  readonly #rewritten = new Map<string, string>()

  constructor(repo: OstreeRepo, pool: ObjectPool, labeler: Labeler) {
    this.#repo = repo
    this.#pool = pool
    this.#labeler = labeler
  }

  /** @param content a fresh writer of the transaction; finished here */
  async relabel(root: TreeNode, content: ContentWriter, signal?: AbortSignal): Promise<TreeNode> {
    await this.load(root, signal)
    const wanted = new Map<string, { readonly checksum: string; readonly header: SizedHeader }>()
    this.collect(root, '', wanted)
    const keys = [...wanted.keys()]
    const ids = new Map<string, number>()
    for (const key of keys) {
      signal?.throwIfAborted()
      ids.set(key, await this.copy(wanted.get(key)!, content))
    }
    const checksums = await content.finish()
    for (const key of keys) this.#rewritten.set(key, checksums[ids.get(key)!]!)
    const result = this.rebuild(root, '')
    this.#changes.clear()
    return result
  }

  private async load(root: TreeNode, signal: AbortSignal | undefined): Promise<void> {
    const files = new Set<string>()
    const metas = new Set<string>()
    gather(root, files, metas)
    await forEach(files, signal, async (checksum) => {
      if (!this.#headers.has(checksum)) this.#headers.set(checksum, await this.#repo.fileHeader(checksum))
    })
    await forEach(metas, signal, async (checksum) => {
      if (!this.#metas.has(checksum)) this.#metas.set(checksum, await this.#repo.readDirMeta(checksum))
    })
  }

  private collect(
    node: TreeNode,
    path: string,
    wanted: Map<string, { readonly checksum: string; readonly header: SizedHeader }>,
  ): void {
    for (const [name, checksum] of node.files) {
      const change = this.change(`${path}/${name}`, checksum)
      if (change === undefined) continue
      this.#changes.set(`${path}/${name}`, change.key)
      if (!this.#rewritten.has(change.key)) wanted.set(change.key, { checksum, header: change.header })
    }
    for (const [name, child] of node.dirs) this.collect(child, `${path}/${name}`, wanted)
  }

  /** The header an object must get at a path; undefined when it has it. */
  private change(path: string, checksum: string): { key: string; header: SizedHeader } | undefined {
    const old = this.#headers.get(checksum)!
    const mode = old.symlinkTarget === undefined ? old.mode : 0o120777
    const label = this.#labeler.label(path, mode)
    const same = label === undefined || label === storedLabel(old.xattrs)
    if (same && mode === old.mode && old.xattrs.every(({ value }) => value.length > 0)) return undefined
    const kept = old.xattrs.filter(({ value }) => value.length > 0)
    return { key: `${checksum} ${label ?? ''}`, header: { ...old, mode, xattrs: withLabel(kept, label) } }
  }

  private async copy(
    { checksum, header }: { readonly checksum: string; readonly header: SizedHeader },
    content: ContentWriter,
  ): Promise<number> {
    const { sizeBytes, ...newHeader } = header
    if (newHeader.symlinkTarget !== undefined || sizeBytes === 0) {
      return content.put(newHeader, new Uint8Array(0))
    }
    const id = content.begin(newHeader, sizeBytes)
    for await (const chunk of this.#repo.fileContent(checksum)) {
      content.data(id, chunk)
      if (content.full) await content.drain()
    }
    content.end(id)
    return id
  }

  private rebuild(node: TreeNode, path: string): TreeNode {
    const meta = this.directoryMeta(node.meta, path === '' ? '/' : path)
    let changed = meta !== node.meta
    const files = new Map<string, string>()
    for (const [name, checksum] of node.files) {
      const key = this.#changes.get(`${path}/${name}`)
      const result = key === undefined ? checksum : this.#rewritten.get(key)!
      changed ||= result !== checksum
      files.set(name, result)
    }
    const dirs = new Map<string, TreeNode>()
    for (const [name, child] of node.dirs) {
      const result = this.rebuild(child, `${path}/${name}`)
      changed ||= result !== child
      dirs.set(name, result)
    }
    return changed ? { meta, files, dirs } : node
  }

  private directoryMeta(checksum: string, path: string): string {
    const old = this.#metas.get(checksum)!
    const label = this.#labeler.label(path, old.mode)
    const same = label === undefined || label === storedLabel(old.xattrs)
    if (same && old.xattrs.every(({ value }) => value.length > 0)) return checksum
    const kept = old.xattrs.filter(({ value }) => value.length > 0)
    return this.#pool.dirMeta({ ...old, xattrs: withLabel(kept, label) })
  }
}

/**
 * The tree with directory attributes as a file system gives them back: those with an empty value are gone.
 */
export async function withReadableMetas(
  root: TreeNode,
  repo: Pick<OstreeRepo, 'readDirMeta'>,
  pool: ObjectPool,
): Promise<TreeNode> {
  const metas = new Set<string>()
  gather(root, undefined, metas)
  const changed = new Map<string, string>()
  await forEach(metas, undefined, async (checksum) => {
    const meta = await repo.readDirMeta(checksum)
    const xattrs = meta.xattrs.filter(({ value }) => value.length > 0)
    if (xattrs.length < meta.xattrs.length) changed.set(checksum, pool.dirMeta({ ...meta, xattrs }))
  })
  return changed.size === 0 ? root : replaceMetas(root, changed)
}

function replaceMetas(node: TreeNode, changed: ReadonlyMap<string, string>): TreeNode {
  const dirs = new Map<string, TreeNode>()
  let differs = changed.has(node.meta)
  for (const [name, child] of node.dirs) {
    const result = replaceMetas(child, changed)
    differs ||= result !== child
    dirs.set(name, result)
  }
  return differs ? { meta: changed.get(node.meta) ?? node.meta, files: node.files, dirs } : node
}

function gather(node: TreeNode, files: Set<string> | undefined, metas: Set<string>): void {
  metas.add(node.meta)
  if (files !== undefined) for (const checksum of node.files.values()) files.add(checksum)
  for (const child of node.dirs.values()) gather(child, files, metas)
}

async function forEach<T>(
  items: Iterable<T>,
  signal: AbortSignal | undefined,
  run: (item: T) => Promise<void>,
): Promise<void> {
  const iterator = items[Symbol.iterator]()
  const worker = async (): Promise<void> => {
    for (let next = iterator.next(); next.done !== true; next = iterator.next()) {
      signal?.throwIfAborted()
      await run(next.value)
    }
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
}
