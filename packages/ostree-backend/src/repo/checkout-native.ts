import { closeSync, constants, openSync } from 'node:fs'
import type { Dir, Meta } from '@bootc-sdk/core'
import { encodeName } from '@bootc-sdk/core/names'
import type { CheckoutMeta, NativeCheckout } from '@bootc-sdk/native'
import { objectName } from '../format/checksum.js'
import { packXattrs } from '../format/xattrs.js'
import type { CheckoutOptions } from './api.js'
import type { CheckoutSink } from './checkout.js'
import type { FileFact } from './checkout-facts.js'
import type { NativeAccess } from '@bootc-sdk/core/store-kit'
import type { RepoContext } from './context.js'
import { noObject } from './errors.js'

const charDevice = 0o020000

/** Records the plan and has the addon carry it out. For targets that do not exist yet. */
export class NativeCheckoutSink implements CheckoutSink {
  readonly #context: RepoContext
  readonly #native: NativeAccess
  readonly #target: Dir
  readonly #options: CheckoutOptions
  readonly #path: string[] = []
  readonly #devices: { readonly dir: string; readonly name: string; readonly meta: Meta }[] = []
  #checkout: NativeCheckout | undefined
  #rootMeta: Meta = {}
  #entries = 0

  private constructor(context: RepoContext, native: NativeAccess, target: Dir, options: CheckoutOptions) {
    this.#context = context
    this.#native = native
    this.#target = target
    this.#options = options
  }

  /** Undefined where the addon cannot do it: no host path, or objects that must be inflated. */
  static open(context: RepoContext, target: Dir, options: CheckoutOptions): NativeCheckoutSink | undefined {
    const { native } = context
    if (native === undefined || target.hostPath === undefined || context.mode === 'archive') return undefined
    return new NativeCheckoutSink(context, native, target, options)
  }

  enter(name: string, meta: Meta): Promise<void> | undefined {
    this.#entries++
    if (name === '') {
      this.#rootMeta = meta
      return this.#begin()
    }
    this.#path.push(name)
    this.#checkout!.enter(name, convert(meta))
    return undefined
  }

  leave(): undefined {
    if (this.#path.pop() !== undefined) this.#checkout!.leave()
  }

  file(name: string, checksum: string, fact: FileFact, meta: Meta | undefined): undefined {
    this.#entries++
    const object = objectName('file', checksum, this.#context.mode)
    if (fact.kind === 'link') this.#checkout!.link(name, object)
    else if (fact.kind === 'empty') this.#checkout!.empty(name, convert(meta!))
    else if (fact.kind === 'copy') this.#checkout!.copy(name, object, convert(meta!))
    else this.#checkout!.symlink(name, fact.header.symlinkTarget!, convert(meta!))
  }

  device(name: string, meta: Meta): undefined {
    this.#devices.push({ dir: this.#path.join('/'), name, meta })
  }

  /** A new target holds nothing to remove. */
  remove(): undefined {}

  async finish(): Promise<{ entries: number }> {
    const { onProgress, path } = this.#options
    const total = this.#entries
    try {
      await this.#checkout!.run(
        onProgress === undefined
          ? {}
          : { onProgress: (done) => onProgress({ type: 'deploy:checkout', detail: { done, total } }) },
      )
    } catch (error) {
      throw missingObject(error, `${this.#native.repoPath}/objects/`) ?? error
    }
    for (const device of this.#devices) this.#makeDevice(device)
    await this.#target.setMeta(path, this.#rootMeta)
    return { entries: this.#entries + this.#devices.length }
  }

  async #begin(): Promise<void> {
    const { path } = this.#options
    await this.#target.mkdir(path, { mode: 0o700 })
    this.#checkout = this.#native.addon.createCheckout({
      targetDir: `${this.#target.hostPath}/${path}`,
      objectsDir: `${this.#native.repoPath}/objects`,
      copyEmpty: this.#context.mode === 'bare',
    })
  }

  #makeDevice({ dir, name, meta }: { dir: string; name: string; meta: Meta }): void {
    const { sys } = this.#native.addon
    const parent = `${this.#target.hostPath}/${this.#options.path}/${dir}`
    const fd = openSync(parent, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
    try {
      makeWhiteout(sys, fd, name, meta)
    } finally {
      closeSync(fd)
    }
  }
}

/** The addon meets objects by their path. */
function missingObject(error: unknown, objects: string): Error | undefined {
  const { code, path } = error as { code?: unknown; path?: unknown }
  if (code !== 'ENOENT' || typeof path !== 'string' || !path.startsWith(objects)) return undefined
  return noObject(path.slice(objects.length))
}

/** An overlayfs whiteout: character device 0:0. Needs root. */
export function makeWhiteout(sys: NativeAccess['addon']['sys'], fd: number, name: string, meta: Meta): void {
  const raw = encodeName(name)
  const mode = (meta.mode ?? 0o644) & 0o7777
  sys.mknodat(fd, raw, charDevice | mode, 0, 0)
  if (meta.uid !== undefined || meta.gid !== undefined) sys.fchownat(fd, raw, meta.uid ?? 0, meta.gid ?? 0)
  sys.fchmodat(fd, raw, mode)
  for (const xattr of meta.xattrs ?? []) sys.setxattr(fd, raw, encodeName(xattr.name), xattr.value)
}

function convert(meta: Meta): CheckoutMeta {
  const xattrs = meta.xattrs === undefined ? undefined : packXattrs(meta.xattrs)
  return {
    mode: meta.mode ?? 0o755,
    ...(meta.uid === undefined ? {} : { uid: meta.uid }),
    ...(meta.gid === undefined ? {} : { gid: meta.gid }),
    ...(xattrs === undefined ? {} : { xattrs }),
    ...(meta.mtime === undefined ? {} : { mtime: meta.mtime }),
  }
}
