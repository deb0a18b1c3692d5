import { lstatSync, readdirSync } from 'node:fs'
import { BootcError, isBootcError, type Bytes, type VerityMeasurement } from '@bootc-sdk/core'
import { objectPath, type ObjectId } from '../format/types.js'
import { VerityHasher } from '../format/verity.js'
import type { RepoContext } from './context.js'
import { digestOf } from './digest.js'
import { corruptObject, noObject, verityError } from './errors.js'
import { collect, isAbsent, listNames } from './io.js'
import { assertObjectId, isObjectId } from './links.js'
import { measureVerity } from './verity-fs.js'

/** Up to here an object is hashed in one piece. */
const wholeBytes = 64 * 1024 * 1024

/** A file in `objects/xx/` whose name is an object's. */
export interface ListedObject {
  readonly id: ObjectId
  readonly sizeBytes: number
}

/** Objects by id, for reading. */
export class ObjectStore {
  readonly #context: RepoContext

  constructor(context: RepoContext) {
    this.#context = context
  }

  /** Bytes of an object; undefined when it is missing or no regular file. */
  async size(id: ObjectId): Promise<number | undefined> {
    assertObjectId(id, this.#context.meta.algorithm)
    const stat = await this.#context.dir.stat(`objects/${objectPath(id)}`)
    return stat?.type === 'file' ? stat.sizeBytes : undefined
  }

  async *open(id: ObjectId, range?: { start: number; end?: number }): Bytes {
    assertObjectId(id, this.#context.meta.algorithm)
    const path = `objects/${objectPath(id)}`
    await this.#checkVerity(id, path)
    try {
      yield* this.#context.dir.read(path, range)
    } catch (error) {
      throw this.#readError(id, error)
    }
  }

  /** Whole object, digest checked. */
  async read(id: ObjectId, maxBytes: number): Promise<Buffer> {
    const bytes = await collect(this.open(id), maxBytes)
    if (bytes === undefined) throw corruptObject(id, `is larger than ${maxBytes} bytes`)
    const actual = digestOf(bytes, this.#context.meta.algorithm)
    if (actual !== id) throw corruptObject(id, `its bytes have the digest ${actual}`)
    return bytes
  }

  /** Read an object and compare its digest. @throws BootcError `STORE_COMPOSEFS_CORRUPT` and what `open` throws */
  async verify(id: ObjectId): Promise<void> {
    const hasher = new VerityHasher(this.#context.meta.algorithm)
    let sizeBytes = 0
    const held: Uint8Array[] = []
    for await (const chunk of this.open(id)) {
      sizeBytes += chunk.length
      // The addon is quicker and wants everything at once.
      if (sizeBytes <= wholeBytes) held.push(chunk)
      else for (const one of [...held.splice(0), chunk]) hasher.update(one)
    }
    const actual =
      sizeBytes <= wholeBytes
        ? digestOf(held.length === 1 ? held[0]! : Buffer.concat(held), this.#context.meta.algorithm)
        : hasher.digest()
    if (actual !== id) throw corruptObject(id, `its bytes have the digest ${actual}`)
  }

  /** Objects in order of their ids; what has another name is passed over. */
  async *list(): AsyncIterable<ListedObject> {
    for (const prefix of await this.prefixes()) {
      for (const name of await this.names(prefix)) {
        const id = prefix + name
        if (!isObjectId(id, this.#context.meta.algorithm)) continue
        const stat = await this.stat(prefix, name)
        if (stat?.isFile === true) yield { id, sizeBytes: stat.sizeBytes }
      }
    }
  }

  /** The directories `00` to `ff` that there are, sorted; what else lies in `objects` is not ours. */
  async prefixes(): Promise<string[]> {
    return (await listNames(this.#context.dir, 'objects')).filter((name) => /^[0-9a-f]{2}$/.test(name))
  }

  /** Whatever lies in `objects/xx`, sorted. */
  async names(prefix: string): Promise<string[]> {
    const { dir, native } = this.#context
    if (native === undefined) return listNames(dir, `objects/${prefix}`)
    // `Dir.list` looks at every entry; often the names are enough.
    if ((await dir.stat(`objects/${prefix}`))?.type !== 'directory') return []
    return readdirSync(`${native.repoPath}/objects/${prefix}`, 'latin1').sort()
  }

  /** Size and kind of an entry of `objects/xx`. */
  async stat(prefix: string, name: string): Promise<{ isFile: boolean; sizeBytes: number } | undefined> {
    const { dir, native } = this.#context
    const path = `objects/${prefix}/${name}`
    if (native === undefined) {
      const stat = await dir.stat(path)
      return stat && { isFile: stat.type === 'file', sizeBytes: stat.sizeBytes }
    }
    const stats = lstatSync(`${native.repoPath}/${path}`, { throwIfNoEntry: false })
    return stats && { isFile: stats.isFile(), sizeBytes: stats.size }
  }

  async #checkVerity(id: ObjectId, path: string): Promise<void> {
    if (this.#context.verity.mode !== 'required') return
    let measured: VerityMeasurement | undefined
    try {
      measured = await measureVerity(this.#context.dir, path)
    } catch (error) {
      throw this.#readError(id, error)
    }
    if (measured === undefined) {
      if ((await this.size(id)) === undefined) throw noObject(id)
      throw verityError(`object ${id}`, 'the repository requires fs-verity and it has none')
    }
    if (measured.digest !== id) throw corruptObject(id, `fs-verity measures ${measured.digest}`)
  }

  /** A file that was replaced by a directory or a link is damage, not an I/O error. */
  #readError(id: ObjectId, error: unknown): unknown {
    if (isAbsent(error)) return noObject(id)
    if (isBootcError(error, 'TREE_NOT_FILE') || isBootcError(error, 'TREE_ESCAPE')) {
      return corruptObject(id, 'is not a regular file', error)
    }
    if (isBootcError(error, 'TREE_IO')) return corruptObject(id, 'cannot be read', error)
    return error
  }
}

/** A transaction that has come to its end. */
export function transactionDone(): BootcError<'STORE_COMPOSEFS_TRANSACTION_DONE'> {
  return new BootcError('STORE_COMPOSEFS_TRANSACTION_DONE', 'transaction is committed or disposed already')
}
