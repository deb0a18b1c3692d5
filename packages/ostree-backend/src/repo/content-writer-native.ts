import { encodeName } from '@bootc-sdk/core/names'
import type { NativeObjectWriter, ObjectSpec } from '@bootc-sdk/native'
import { objectSuffix } from '../format/checksum.js'
import { packXattrs } from '../format/xattrs.js'
import type { ContentWriter, FileHeader, RepoMode } from './api.js'
import { diskObject } from './disk-object.js'
import { mapWriteError } from './errors.js'
import type { SpaceBudget } from './space-budget.js'

/** Content objects through the addon's threads. `onFinish` gets the names of new objects. */
export class NativeContentWriter implements ContentWriter {
  readonly #writer: NativeObjectWriter
  readonly #mode: RepoMode
  readonly #budget: SpaceBudget
  readonly #suffix: string
  readonly #deflateLevel: number
  readonly #onFinish: (names: readonly string[], bytes: number) => void
  #chargedBytes = 0

  constructor(
    writer: NativeObjectWriter,
    mode: RepoMode,
    budget: SpaceBudget,
    deflateLevel: number,
    onFinish: (names: readonly string[], bytes: number) => void,
  ) {
    this.#writer = writer
    this.#mode = mode
    this.#budget = budget
    this.#deflateLevel = deflateLevel
    this.#suffix = objectSuffix('file', mode)
    this.#onFinish = onFinish
  }

  put(header: FileHeader, data: Uint8Array): number {
    const spec = this.#spec(header, data.length)
    return this.#writer.put(spec, data, 0, data.length)
  }

  begin(header: FileHeader, sizeBytes: number): number {
    return this.#writer.begin(this.#spec(header, sizeBytes))
  }

  data(id: number, chunk: Uint8Array): void {
    this.#writer.data(id, chunk, 0, chunk.length)
  }

  end(id: number): void {
    this.#writer.end(id)
  }

  get full(): boolean {
    return this.#writer.full || this.#budget.due
  }

  async drain(): Promise<void> {
    try {
      await this.#writer.drain()
      if (this.#budget.due) await this.#budget.check()
    } catch (error) {
      throw mapWriteError(error, this.#chargedBytes)
    }
  }

  async finish(): Promise<readonly string[]> {
    try {
      const written = await this.#writer.finish()
      const fresh = written.filter((object) => object.isNew && object.name !== undefined)
      const bytes = fresh.reduce((sum, object) => sum + object.sizeBytes, 0)
      this.#onFinish([...new Set(fresh.map((object) => object.name!))], bytes)
      await this.#budget.check()
      return written.map((object) => object.checksum)
    } catch (error) {
      throw mapWriteError(error, this.#chargedBytes)
    }
  }

  close(): void {
    this.#writer.close()
  }

  #spec(header: FileHeader, sizeBytes: number): ObjectSpec {
    this.#budget.charge(sizeBytes)
    this.#chargedBytes += sizeBytes
    const disk = diskObject(this.#mode, header, sizeBytes)
    const { meta } = disk
    return {
      hashPrefix: disk.hashPrefix,
      suffix: this.#suffix,
      mode: meta.mode ?? 0o644,
      ...(disk.filePrefix === undefined ? {} : { filePrefix: disk.filePrefix }),
      ...(disk.deflate ? { deflateLevel: this.#deflateLevel } : {}),
      ...(disk.symlinkTarget === undefined ? {} : { symlinkTarget: encodeName(disk.symlinkTarget) }),
      ...(meta.uid === undefined ? {} : { uid: meta.uid }),
      ...(meta.gid === undefined ? {} : { gid: meta.gid }),
      ...(meta.xattrs === undefined || meta.xattrs.length === 0 ? {} : { xattrs: packXattrs(meta.xattrs)! }),
      ...(meta.mtime === undefined ? {} : { zeroMtime: true }),
    }
  }
}
