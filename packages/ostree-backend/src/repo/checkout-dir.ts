import { closeSync, constants, openSync, readlinkSync } from 'node:fs'
import { link } from 'node:fs/promises'
import { BootcError, type Dir, type Meta, type Stat } from '@bootc-sdk/core'
import { joinPath } from '@bootc-sdk/core/names'
import { nodeHost } from '@bootc-sdk/core/node'
import { objectName } from '../format/checksum.js'
import { unsupported } from '../format/errors.js'
import type { CheckoutOptions, OstreeRepo } from './api.js'
import { makeWhiteout } from './checkout-native.js'
import type { CheckoutSink } from './checkout.js'
import type { FileFact } from './checkout-facts.js'
import type { RepoContext } from './context.js'

interface OpenDir {
  readonly path: string
  readonly meta: Meta
  readonly existed: boolean
}

/** Carries a plan out through `Dir`s, over what is there if wanted. */
export class DirCheckout implements CheckoutSink {
  readonly #repo: OstreeRepo
  readonly #context: RepoContext
  readonly #target: Dir
  readonly #options: CheckoutOptions
  readonly #open: OpenDir[] = []
  #entries = 0

  constructor(repo: OstreeRepo, context: RepoContext, target: Dir, options: CheckoutOptions) {
    this.#repo = repo
    this.#context = context
    this.#target = target
    this.#options = options
  }

  async enter(name: string, meta: Meta, clear: boolean): Promise<void> {
    this.#entries++
    const parent = this.#open.at(-1)
    const path = parent === undefined ? this.#options.path : joinPath(parent.path, name)
    // Below a directory of ours nothing can be in the way.
    const there = parent !== undefined && !parent.existed ? undefined : await this.#target.stat(path)
    const isFresh = parent === undefined && (this.#options.overwrite ?? 'none') === 'none'
    if (there !== undefined && (isFresh || there.type !== 'directory')) throw inTheWay(path)
    if (there === undefined) await this.#target.mkdir(path, { mode: 0o700 })
    else if (clear) await this.#clear(path)
    this.#open.push({ path, meta, existed: there !== undefined })
  }

  async leave(): Promise<void> {
    const { path, meta, existed } = this.#open.pop()!
    // What was there before belongs to somebody else.
    if (!existed) await this.#target.setMeta(path, meta)
  }

  async file(name: string, checksum: string, fact: FileFact, meta: Meta | undefined): Promise<void> {
    this.#entries++
    this.#options.signal?.throwIfAborted()
    const parent = this.#open.at(-1)!
    const path = joinPath(parent.path, name)
    if (parent.existed && !(await this.#makeRoom(path, checksum))) return
    if (fact.kind === 'link' && (await this.#link(path, checksum))) return
    const header = fact.kind === 'link' ? await this.#repo.fileHeader(checksum) : fact.header
    const own = meta ?? this.#linkedMeta(header)
    if (header.symlinkTarget !== undefined) {
      const { mode: _, ...rest } = own
      await this.#target.symlink(header.symlinkTarget, path, rest)
    } else {
      await this.#target.write(path, this.#repo.fileContent(checksum), {
        ...own,
        atomic: false,
        ifExists: 'fail',
      })
    }
  }

  async device(name: string, meta: Meta): Promise<void> {
    this.#entries++
    const parent = this.#open.at(-1)!
    const path = joinPath(parent.path, name)
    const { native } = this.#context
    if (this.#target.hostPath === undefined) {
      throw unsupported('checkout', `whiteout device ${path} needs a directory of the machine`)
    }
    await this.#target.remove(path)
    const flags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW
    const fd = openSync(joinHost(this.#target.hostPath, parent.path), flags)
    try {
      if (native !== undefined) return makeWhiteout(native.addon.sys, fd, name, meta)
      await runMknod(fd, name, path)
    } finally {
      closeSync(fd)
    }
    await this.#target.setMeta(path, { mode: 0o644, ...meta })
  }

  async remove(name: string): Promise<void> {
    await this.#target.remove(joinPath(this.#open.at(-1)!.path, name))
  }

  finish(): Promise<{ entries: number }> {
    return Promise.resolve({ entries: this.#entries })
  }

  /** A link that could not be made: attributes of the object itself. */
  #linkedMeta(header: { mode: number; uid: number; gid: number; xattrs: Meta['xattrs'] & {} }): Meta {
    const mode = header.mode & 0o7777
    if (this.#context.mode !== 'bare') return { mode: (mode & 0o1777) | 0o400 }
    return { mode, uid: header.uid, gid: header.gid, xattrs: header.xattrs }
  }

  /** False when the entry that is there stays. */
  async #makeRoom(path: string, checksum: string): Promise<boolean> {
    const there = await this.#target.stat(path)
    if (there === undefined) return true
    const { overwrite = 'none' } = this.#options
    if (overwrite === 'add-files') {
      return false
    }
    if (there.type === 'directory' || overwrite === 'none') throw inTheWay(path)
    if (overwrite === 'union-identical') {
      if (await this.#isSame(path, there, checksum)) return false
      throw inTheWay(path)
    }
    await this.#target.remove(path)
    return true
  }

  async #isSame(path: string, there: Stat, checksum: string): Promise<boolean> {
    const header = await this.#repo.fileHeader(checksum)
    if (header.symlinkTarget !== undefined) {
      return there.type === 'symlink' && (await this.#target.readlink(path)) === header.symlinkTarget
    }
    if (there.type !== 'file' || there.sizeBytes !== header.sizeBytes) return false
    const expected = this.#repo.fileContent(checksum)[Symbol.asyncIterator]()
    let rest = Buffer.alloc(0)
    for await (const chunk of this.#target.read(path)) {
      while (rest.length < chunk.length) {
        const next = await expected.next()
        if (next.done === true) return false
        rest = Buffer.concat([rest, next.value])
      }
      if (!rest.subarray(0, chunk.length).equals(chunk)) return false
      rest = rest.subarray(chunk.length)
    }
    return rest.length === 0
  }

  async #link(path: string, checksum: string): Promise<boolean> {
    const from = linkPath(this.#context.dir)
    const to = linkPath(this.#target)
    if (from === undefined || to === undefined) return false
    try {
      // link(2) does not follow a final symbolic link, and the directories were checked on the way down.
      await link(
        joinHost(from, `objects/${objectName('file', checksum, this.#context.mode)}`),
        joinHost(to, path),
      )
      return true
    } catch (error) {
      const { code } = error as { code?: unknown }
      if (code === 'EMLINK' || code === 'EXDEV' || code === 'EPERM') return false
      throw error
    }
  }

  async #clear(path: string): Promise<void> {
    const names: string[] = []
    for await (const { name } of this.#target.list(path)) names.push(name)
    for (const name of names) await this.#target.remove(joinPath(path, name))
  }
}

/** Where hard links can be made. They need no owners, so directories that note those allow it too. */
export function linkPath(dir: Pick<Dir, 'hostPath' | 'contentPath'>): string | undefined {
  return dir.hostPath ?? dir.contentPath
}

/** Node has no mknod(2), but every machine has the program; our descriptor is open to our children under /proc. */
async function runMknod(fd: number, name: string, shown: string): Promise<void> {
  const path = `/proc/${readlinkSync('/proc/self')}/fd/${fd}/${name}`
  const { code, stderr } = await nodeHost().run(['mknod', '-m', '0600', '--', path, 'c', '0', '0'])
  if (code !== 0) throw unsupported('checkout', `whiteout device ${shown}: ${stderr.trim()}`)
}

function joinHost(root: string, path: string): string {
  return path === '' ? root : `${root}/${path}`
}

function inTheWay(path: string): BootcError<'STORE_OSTREE_CHECKOUT_EXISTS'> {
  return new BootcError('STORE_OSTREE_CHECKOUT_EXISTS', `${path} is in the way of the checkout`, {
    details: { path },
  })
}
