import type { NativeObjectWriter, ObjectSpec, WrittenObject } from '@bootc-sdk/native'
import { invalidTree } from '../format/errors.js'
import { algorithmNumber, type ObjectId } from '../format/types.js'
import type { ObjectWriter } from './api.js'
import type { RepoContext } from './context.js'
import { mapWriteError } from './errors.js'
import type { StagedPart } from './publish.js'

/** Objects through the addon's threads. */
export class NativeObjectWriterAdapter implements ObjectWriter {
  readonly #writer: NativeObjectWriter
  readonly #spec: ObjectSpec
  readonly #path: string
  readonly #onFinish: (part: StagedPart) => void
  readonly #announced = new Map<number, { left: number }>()
  readonly #fresh = new Map<string, number>()
  #queuedBytes = 0
  #finished = false

  /** @param path directory for this writer alone, relative to the repository */
  constructor(context: RepoContext, path: string, onFinish: (part: StagedPart) => void) {
    const native = context.native!
    const algorithm = algorithmNumber[context.meta.algorithm]
    this.#path = path
    this.#onFinish = onFinish
    this.#writer = native.addon.createObjectWriter({
      stagingDir: native.makeDir(path),
      existing: [`${native.repoPath}/objects`],
    })
    // Frozen: the addon reads it once then.
    this.#spec = Object.freeze({
      hashPrefix: Buffer.alloc(0),
      suffix: '',
      mode: 0o644,
      identity: 'verity',
      verity: Object.freeze({ algorithm, enable: context.enforceVerity }),
    })
  }

  put(data: Uint8Array): number {
    this.#queuedBytes += data.length
    return this.#writer.put(this.#spec, data, 0, data.length)
  }

  begin(sizeBytes: number): number {
    const index = this.#writer.begin(this.#spec)
    this.#announced.set(index, { left: sizeBytes })
    return index
  }

  data(index: number, chunk: Uint8Array): void {
    this.#opened(index).left -= chunk.length
    this.#queuedBytes += chunk.length
    this.#writer.data(index, chunk, 0, chunk.length)
  }

  end(index: number): void {
    const { left } = this.#opened(index)
    if (left !== 0)
      throw invalidTree('object', `${Math.abs(left)} bytes ${left > 0 ? 'missing' : 'too many'}`)
    this.#announced.delete(index)
    this.#writer.end(index)
  }

  get full(): boolean {
    return this.#writer.full
  }

  async drain(): Promise<void> {
    try {
      await this.#writer.drain()
    } catch (error) {
      throw mapWriteError(error, this.#queuedBytes)
    }
  }

  take(): readonly ObjectId[] {
    return this.#finished ? [] : this.#remember(this.#writer.take())
  }

  async finish(): Promise<readonly ObjectId[]> {
    if (this.#announced.size > 0) throw invalidTree('object', 'begun and never ended')
    try {
      const ids = this.#remember(await this.#writer.finish())
      this.#finished = true
      // Its threads would stay until the writer is collected.
      this.#writer.close()
      this.#onFinish({ path: this.#path, names: this.#fresh })
      return ids
    } catch (error) {
      throw mapWriteError(error, this.#queuedBytes)
    }
  }

  close(): void {
    if (!this.#finished) this.#writer.close()
  }

  settled(): Promise<void> {
    return Promise.resolve()
  }

  #remember(written: readonly WrittenObject[]): ObjectId[] {
    return written.map(({ isNew, name, sizeBytes, verityDigest }) => {
      if (isNew && name !== undefined) this.#fresh.set(name, sizeBytes)
      return verityDigest!
    })
  }

  #opened(index: number): { left: number } {
    const object = this.#announced.get(index)
    if (object === undefined) throw invalidTree('object', `none with the number ${index} is open`)
    return object
  }
}
