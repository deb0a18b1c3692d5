import type { Bytes, Dir, OpOptions, ReadTree } from '@bootc-sdk/core'
import { assertChecksum, maxMetadataBytes, objectName } from '../format/checksum.js'
import { decodeCommit } from '../format/commit.js'
import { decodeDirMeta } from '../format/dirmeta.js'
import { decodeDirTree } from '../format/dirtree.js'
import { decodeDict } from '../format/variant-dict.js'
import type {
  CheckoutOptions,
  Commit,
  DirTree,
  FileHeader,
  MetadataType,
  ObjectMeta,
  ObjectType,
  OstreeRepo,
  PruneOptions,
  RepoMode,
  VariantDict,
} from './api.js'
import { CommitTreeReader } from './commit-tree-reader.js'
import { readFileContent, readFileHeader } from './content-reader.js'
import type { RepoContext } from './context.js'
import { noObject } from './errors.js'
import { readFile } from './io.js'
import { ObjectStore } from './object-store.js'
import { listRefs, resolveRev } from './refs.js'
import { replaceFile } from './staging.js'
import type { Transaction } from './transaction.js'

const maxConfigBytes = 1024 * 1024
/** Few distinct ones exist in an image. */
const maxDirMetas = 4096

/** One repository; the work is done by the files beside this one. */
export class Repo implements OstreeRepo {
  readonly #context: RepoContext
  readonly #objects: ObjectStore
  readonly #parent: OstreeRepo | undefined
  readonly #dirMetas = new Map<string, ObjectMeta>()

  constructor(context: RepoContext, parent: OstreeRepo | undefined) {
    this.#context = context
    this.#objects = new ObjectStore(context)
    this.#parent = parent
  }

  get dir(): Dir {
    return this.#context.dir
  }

  get mode(): RepoMode {
    return this.#context.mode
  }

  /** For functions of this package that work on a repository from outside. */
  get context(): RepoContext {
    return this.#context
  }

  config(group: string, key: string): string | undefined {
    return this.#context.config.get(group, key)
  }

  async setConfig(
    changes: readonly { group: string; key: string; value: string | undefined }[],
  ): Promise<void> {
    const { dir, config } = this.#context
    // Other programs change it, too: remotes, and what must be verified.
    const now = await readFile(dir, 'config', maxConfigBytes)
    if (now !== undefined) config.replace(now.toString('utf8'))
    const text = config.edited(changes)
    await replaceFile(dir, 'config', Buffer.from(text))
    config.replace(text)
  }

  async has(type: ObjectType, checksum: string): Promise<boolean> {
    return (await this.#objects.has(type, checksum)) || ((await this.#parent?.has(type, checksum)) ?? false)
  }

  async readMetadata(type: MetadataType, checksum: string): Promise<Uint8Array> {
    const bytes = await this.#objects.find(type, checksum)
    if (bytes !== undefined) return bytes
    if (this.#parent !== undefined) return this.#parent.readMetadata(type, checksum)
    throw noObject(objectName(type, checksum, this.mode))
  }

  async readCommit(checksum: string): Promise<Commit> {
    return decodeCommit(await this.readMetadata('commit', checksum), `${checksum}.commit`)
  }

  async readDirTree(checksum: string): Promise<DirTree> {
    return decodeDirTree(await this.readMetadata('dirtree', checksum), `${checksum}.dirtree`)
  }

  async readDirTrees(checksums: readonly string[]): Promise<DirTree[]> {
    const found = await this.#objects.findMany('dirtree', checksums)
    const trees: DirTree[] = []
    for (const [index, bytes] of found.entries()) {
      const checksum = checksums[index]!
      trees.push(
        bytes === undefined ? await this.readDirTree(checksum) : decodeDirTree(bytes, `${checksum}.dirtree`),
      )
    }
    return trees
  }

  async readDirMeta(checksum: string): Promise<ObjectMeta> {
    const known = this.#dirMetas.get(checksum)
    if (known !== undefined) return known
    const meta = decodeDirMeta(await this.readMetadata('dirmeta', checksum), `${checksum}.dirmeta`)
    if (this.#dirMetas.size >= maxDirMetas) this.#dirMetas.clear()
    this.#dirMetas.set(checksum, meta)
    return meta
  }

  async readDetached(commit: string): Promise<VariantDict | undefined> {
    assertChecksum(commit)
    const name = objectName('commitmeta', commit, this.mode)
    const bytes = await readFile(this.dir, `objects/${name}`, maxMetadataBytes)
    if (bytes !== undefined) return decodeDict(bytes, name)
    return this.#parent?.readDetached(commit)
  }

  async isPartial(commit: string): Promise<boolean> {
    assertChecksum(commit)
    return (await this.dir.stat(`state/${commit}.commitpartial`)) !== undefined
  }

  async fileHeader(checksum: string): Promise<FileHeader & { readonly sizeBytes: number }> {
    assertChecksum(checksum)
    if (this.#parent !== undefined && !(await this.#objects.has('file', checksum))) {
      return this.#parent.fileHeader(checksum)
    }
    return readFileHeader(this.dir, this.mode, checksum)
  }

  async *fileContent(checksum: string): Bytes {
    assertChecksum(checksum)
    if (this.#parent !== undefined && !(await this.#objects.has('file', checksum))) {
      yield* this.#parent.fileContent(checksum)
    } else {
      yield* readFileContent(this.dir, this.mode, checksum)
    }
  }

  async openCommit(checksum: string): Promise<ReadTree> {
    const { rootTree, rootMeta } = await this.readCommit(checksum)
    return new CommitTreeReader(this, rootTree, rootMeta)
  }

  async listRefs(prefix?: string): Promise<ReadonlyMap<string, string>> {
    return listRefs(this.dir, prefix)
  }

  async resolveRev(rev: string): Promise<string | undefined> {
    return (await resolveRev(this, rev)) ?? this.#parent?.resolveRev(rev)
  }

  // What writes is loaded when it is needed: commands that only look must start quickly.
  async begin(options: OpOptions = {}): Promise<Transaction> {
    const { Transaction } = await import('./transaction.js')
    return Transaction.begin(this.#context, () => this.#afterCommit(), options)
  }

  async checkout(commit: string, target: Dir, options: CheckoutOptions): Promise<{ entries: number }> {
    const { checkoutCommit } = await import('./checkout.js')
    return checkoutCommit(this, this.#context, commit, target, options)
  }

  async prune(options: PruneOptions = {}): Promise<{ total: number; pruned: number; bytes: number }> {
    const { pruneRepo } = await import('./prune.js')
    return pruneRepo(this, this.#context, options)
  }

  async #afterCommit(): Promise<void> {
    const { config } = this.#context
    const wanted =
      config.bool('core', 'auto-update-summary', false) || config.bool('core', 'commit-update-summary', false)
    if (!wanted) return
    const { updateSummary } = await import('./summary-file.js')
    await updateSummary(this)
  }
}

/** Names of the remotes in the repository's config. */
export function listRemotes(repo: OstreeRepo): string[] {
  return repo instanceof Repo ? repo.context.config.remotes() : []
}
