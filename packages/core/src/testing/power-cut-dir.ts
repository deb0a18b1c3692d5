import type { Dir } from '../interfaces/index.js'
import { joinPath, normalizePath, parentPath } from '../names/index.js'
import type { MemoryDir } from './memory-dir.js'
import { powerSupply, type PowerSupply } from './power-supply.js'
import { readAll } from './read-tree.js'
import { survivorsOf, type PendingWrite, type Survivor } from './survivors.js'

/** A volume that can lose power. */
export interface PowerCutDir {
  readonly dir: Dir
  readonly supply: PowerSupply
  /** States that the volume may be found in after a cut now; see `survivorsOf`. */
  survivors(options?: { random?: number; seed?: number }): Promise<Survivor[]>
}

/**
 * Wrap a directory in memory so that writes since the last `sync()` can be lost. A sync of any directory
 * makes the whole volume durable, as syncfs(2) does. Removing a tree is as many writes as it has entries.
 */
export function powerCutDir(base: MemoryDir, supply: PowerSupply = powerSupply()): PowerCutDir {
  const volume = new Volume(base, supply)
  return {
    dir: volume.open(''),
    supply,
    survivors: (options = {}) => survivorsOf({ ...volume.state(), ...options }),
  }
}

class Volume {
  #durable: MemoryDir
  #pending: PendingWrite[] = []
  #interrupted: { path: string; data: Uint8Array } | undefined

  constructor(
    readonly base: MemoryDir,
    readonly supply: PowerSupply,
  ) {
    this.#durable = base.snapshot()
  }

  state() {
    const { base } = this
    return { current: base, durable: this.#durable, pending: this.#pending, interrupted: this.#interrupted }
  }

  /** One write: counted, done, remembered until the next sync. */
  async write(description: string, apply: PendingWrite['apply'], data?: Uint8Array): Promise<void> {
    this.supply.beforeWrite(description)
    await apply(this.base, data)
    this.#pending.push({ description, apply, ...(data === undefined ? {} : { data }) })
  }

  async writeFile(path: string, data: Uint8Array, options: Parameters<Dir['write']>[2]): Promise<void> {
    // Cut in here, the temporary file may be left beside the old one.
    if (options?.atomic !== false) this.#interrupted = { path: joinPath(parentPath(path), leftOver), data }
    const apply: PendingWrite['apply'] = (dir, bytes) => dir.write(path, bytes!, options)
    await this.write(`write ${path}`, apply, data)
    this.#interrupted = undefined
  }

  async remove(path: string): Promise<void> {
    const stat = await this.base.stat(path)
    if (stat === undefined) return
    if (stat.type === 'directory') {
      const names: string[] = []
      for await (const { name } of this.base.list(path)) names.push(name)
      if (names.length > 0) await this.base.setImmutable?.(path, false)
      for (const name of names) await this.remove(joinPath(path, name))
    }
    await this.write(`remove ${path}`, (dir) => dir.remove(path))
  }

  sync(): void {
    this.supply.beforeWrite('sync')
    this.#durable = this.base.snapshot()
    this.#pending = []
  }

  open(prefix: string): Dir {
    const at = (path: string) => joinPath(prefix, normalizePath(path))
    const { base, supply } = this
    const reading = <T>(call: () => T): T => {
      supply.check()
      return call()
    }
    const dir: Dir = {
      supports: base.supports,
      stat: async (path) => reading(() => base.stat(at(path))),
      async *list(path) {
        for await (const entry of reading(() => base.list(at(path)))) yield reading(() => entry)
      },
      async *read(path, range) {
        for await (const chunk of reading(() => base.read(at(path), range))) yield reading(() => chunk)
      },
      readlink: async (path) => reading(() => base.readlink(at(path))),
      xattrs: async (path) => reading(() => base.xattrs(at(path))),
      mkdir: (path, meta) => this.write(`mkdir ${at(path)}`, (to) => to.mkdir(at(path), meta)),
      write: async (path, data, options) => {
        const bytes = data instanceof Uint8Array ? data.slice() : await collect(data)
        await this.writeFile(at(path), bytes, options)
      },
      symlink: (target, path, meta) =>
        this.write(`symlink ${at(path)} to ${target}`, (to) => to.symlink(target, at(path), meta)),
      link: (from, to) => this.write(`link ${at(from)} as ${at(to)}`, (into) => into.link(at(from), at(to))),
      mknod: (path, node, meta) => this.write(`mknod ${at(path)}`, (to) => to.mknod!(at(path), node, meta)),
      rename: (from, to, options) =>
        this.write(`rename ${at(from)} to ${at(to)}`, (into) => into.rename(at(from), at(to), options)),
      remove: async (path) => {
        supply.check()
        // Say the same as the real thing about paths that cannot be removed.
        if (normalizePath(path) === '') return base.remove('')
        return this.remove(at(path))
      },
      setMeta: (path, meta) => this.write(`setMeta ${at(path)}`, (to) => to.setMeta(at(path), meta)),
      sync: async () => this.sync(),
      space: async () => reading(() => base.space()),
      lock: async (path, options) => reading(() => base.lock(at(path), options)),
      copy: async (from, to, options) => {
        const data = await reading(() => readAll(base, at(from)))
        await this.writeFile(at(to), data, options)
      },
      sub: (path) => {
        supply.check()
        base.sub(at(path))
        return this.open(at(path))
      },
    }
    if (base.setImmutable !== undefined) {
      dir.setImmutable = (path, immutable) =>
        this.write(`${immutable ? 'freeze' : 'thaw'} ${at(path)}`, (to) =>
          to.setImmutable!(at(path), immutable),
        )
    }
    if (base.supports.verity) {
      dir.enableVerity = async (path, algorithm) => {
        if ((await reading(() => base.measureVerity!(at(path)))) !== undefined) return 'already'
        await this.write(`seal ${at(path)}`, async (to) => {
          await to.enableVerity!(at(path), algorithm)
        })
        return 'enabled'
      }
      dir.measureVerity = async (path) => reading(() => base.measureVerity!(at(path)))
    }
    return Object.freeze(dir)
  }
}

/** As `write` of core/node names its temporary files. */
const leftOver = '.bootc-sdk-000000.tmp'

async function collect(data: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of data) chunks.push(chunk)
  return new Uint8Array(Buffer.concat(chunks))
}
