import type { NativeObjectWriter } from '@bootc-sdk/native'
import type { RepoContext } from './context.js'
import { ioConcurrency, mapLimit } from '@bootc-sdk/core/store-kit'
import { ensureDir } from './io.js'

/** Commits, dirtrees and dirmetas on their way into a staging directory. */
export interface MetadataWriter {
  /** @param name `XX/REST.suffix`, the hash of `bytes` */
  put(name: string, bytes: Uint8Array): void
  drain(): Promise<void>
  /** Names of those that are new. */
  finish(): Promise<{ readonly names: readonly string[]; readonly bytes: number }>
  close(): Promise<void>
}

export function openMetadataWriter(context: RepoContext, path: string): MetadataWriter {
  return context.native === undefined
    ? new DirMetadataWriter(context, path)
    : new NativeMetadataWriter(context.native, path)
}

class DirMetadataWriter implements MetadataWriter {
  readonly #context: RepoContext
  readonly #path: string
  readonly #seen = new Set<string>()
  readonly #made = new Set<string>()
  readonly #fresh: string[] = []
  #queue: { name: string; bytes: Uint8Array }[] = []
  #freshBytes = 0

  constructor(context: RepoContext, path: string) {
    this.#context = context
    this.#path = path
  }

  put(name: string, bytes: Uint8Array): void {
    if (this.#seen.has(name)) return
    this.#seen.add(name)
    this.#queue.push({ name, bytes })
  }

  async drain(): Promise<void> {
    const { dir } = this.#context
    const queue = this.#queue
    this.#queue = []
    for (const parent of new Set(['', ...queue.map(({ name }) => `/${name.slice(0, 2)}`)])) {
      if (this.#made.has(parent)) continue
      await ensureDir(dir, this.#path + parent)
      this.#made.add(parent)
    }
    await mapLimit(queue, ioConcurrency, async ({ name, bytes }) => {
      if ((await dir.stat(`objects/${name}`)) !== undefined) return
      await dir.write(`${this.#path}/${name}`, bytes, { mode: 0o644, atomic: false })
      this.#fresh.push(name)
      this.#freshBytes += bytes.length
    })
  }

  async finish(): Promise<{ names: readonly string[]; bytes: number }> {
    await this.drain()
    return { names: this.#fresh, bytes: this.#freshBytes }
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

class NativeMetadataWriter implements MetadataWriter {
  readonly #native: NonNullable<RepoContext['native']>
  readonly #path: string
  readonly #seen = new Set<string>()
  readonly #prefix = Buffer.alloc(0)
  #writer: NativeObjectWriter | undefined

  constructor(native: NonNullable<RepoContext['native']>, path: string) {
    this.#native = native
    this.#path = path
  }

  put(name: string, bytes: Uint8Array): void {
    if (this.#seen.has(name)) return
    this.#seen.add(name)
    this.#writer ??= this.#native.addon.createObjectWriter({
      stagingDir: this.#native.makeDir(this.#path),
      existing: [`${this.#native.repoPath}/objects`],
      threads: 1,
    })
    const spec = { hashPrefix: this.#prefix, suffix: name.slice(name.indexOf('.')), mode: 0o644 }
    this.#writer.put(spec, bytes, 0, bytes.length)
  }

  async drain(): Promise<void> {
    if (this.#writer?.full === true) await this.#writer.drain()
  }

  async finish(): Promise<{ names: readonly string[]; bytes: number }> {
    const fresh = ((await this.#writer?.finish()) ?? []).filter((object) => object.isNew)
    const bytes = fresh.reduce((sum, object) => sum + object.sizeBytes, 0)
    return { names: fresh.map((object) => object.name!), bytes }
  }

  close(): Promise<void> {
    this.#writer?.close()
    return Promise.resolve()
  }
}
