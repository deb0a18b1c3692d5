import { encodeXattrs } from '../format/xattrs.js'
import type { FileHeader, ObjectMeta } from '../repo/api.js'
import type { Stretch } from './match-blocks.js'
import type { PartPayload } from './part.js'
import type { DeltaObject } from './superblock.js'
import { encodeVarint } from './varint.js'

/** Collects the objects of one part. */
export class PartBuilder {
  readonly #modes = new Table<Pick<ObjectMeta, 'uid' | 'gid' | 'mode'>>()
  readonly #xattrSets = new Table<ObjectMeta['xattrs']>()
  readonly #blob: Uint8Array[] = []
  readonly #operations: Buffer[] = []
  readonly objects: DeltaObject[] = []
  /** Of its own data, so far. */
  blobBytes = 0
  /** Of the objects it makes. */
  objectBytes = 0

  /** A metadata object as it is. */
  metadata(object: DeltaObject, bytes: Uint8Array): void {
    this.#emit('S', bytes.length, this.#store(bytes))
    this.#made(object, bytes.length)
  }

  /** A whole file, or the target of a symbolic link. */
  file(object: DeltaObject, header: FileHeader, data: Uint8Array): void {
    const bytes = header.symlinkTarget === undefined ? data : Buffer.from(header.symlinkTarget)
    this.#emit('S', ...this.#attributes(header), bytes.length, this.#store(bytes))
    this.#made(object, bytes.length)
  }

  /** A file that is partly in another one. @param source checksum of that one */
  changed(
    object: DeltaObject,
    header: FileHeader,
    data: Uint8Array,
    source: string,
    stretches: readonly Stretch[],
  ): void {
    this.#emit('o', ...this.#attributes(header), data.length)
    const sourceAt = this.#store(Buffer.from(source, 'hex'))
    let fromSource = false
    for (const { from, at, length } of stretches) {
      if ((from !== undefined) !== fromSource) {
        fromSource = from !== undefined
        if (fromSource) this.#emit('r', sourceAt)
        else this.#emit('R')
      }
      this.#emit('w', length, from ?? this.#store(data.subarray(at, at + length)))
    }
    this.#emit('c')
    if (fromSource) this.#emit('R')
    this.#made(object, data.length)
  }

  /** A file that is another one with a patch of bsdiff. @param source checksum of that one */
  patched(
    object: DeltaObject,
    header: FileHeader,
    sizeBytes: number,
    source: string,
    patch: Uint8Array,
  ): void {
    this.#emit('r', this.#store(Buffer.from(source, 'hex')))
    this.#emit('o', ...this.#attributes(header), sizeBytes)
    this.#emit('B', this.#store(patch), patch.length)
    this.#emit('c')
    this.#emit('R')
    this.#made(object, sizeBytes)
  }

  get payload(): PartPayload {
    return {
      modes: this.#modes.values,
      xattrSets: this.#xattrSets.values,
      blob: Buffer.concat(this.#blob),
      operations: Buffer.concat(this.#operations),
    }
  }

  #attributes({ uid, gid, mode, xattrs }: FileHeader): [number, number] {
    return [
      this.#modes.indexOf(`${uid}:${gid}:${mode}`, { uid, gid, mode }),
      this.#xattrSets.indexOf(encodeXattrs(xattrs).toString('latin1'), xattrs),
    ]
  }

  #store(bytes: Uint8Array): number {
    const at = this.blobBytes
    this.#blob.push(bytes)
    this.blobBytes += bytes.length
    return at
  }

  #emit(code: string, ...numbers: number[]): void {
    this.#operations.push(Buffer.from(code, 'latin1'), ...numbers.map(encodeVarint))
  }

  #made(object: DeltaObject, bytes: number): void {
    this.objects.push(object)
    this.objectBytes += bytes
  }
}

/** Values by what identifies them, in the order in which they came. */
class Table<T> {
  readonly #indexes = new Map<string, number>()
  readonly values: T[] = []

  indexOf(key: string, value: T): number {
    let index = this.#indexes.get(key)
    if (index === undefined) {
      this.#indexes.set(key, (index = this.values.length))
      this.values.push(value)
    }
    return index
  }
}
