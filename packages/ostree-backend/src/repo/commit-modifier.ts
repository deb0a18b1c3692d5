import { invalid } from '../format/errors.js'
import { isSymlinkMode, modeMask } from '../format/mode.js'
import { canonicalXattrs } from '../format/xattrs.js'
import type { ObjectMeta } from './api.js'

/** Changes made to entries before they are hashed; as the options of `ostree commit`. */
export interface ModifierOptions {
  readonly ownerUid?: number
  readonly ownerGid?: number
  /** Owner root, permissions within 0755. */
  readonly canonicalPermissions?: boolean
  readonly noXattrs?: boolean
  /** By absolute path (`/usr/bin/x`): mode bits to add, or to set. Paths that are not met are an error. */
  readonly statOverride?: ReadonlyMap<string, { readonly mode: number; readonly set: boolean }>
  /** Absolute paths to leave out, with what is below. Paths that are not met are an error. */
  readonly skip?: ReadonlySet<string>
  /** SELinux label of an entry; replaces `security.selinux`, or removes it when there is no rule. */
  readonly label?: (path: string, mode: number) => string | undefined
}

export class CommitModifier {
  readonly #options: ModifierOptions
  readonly #unmetOverrides: Set<string>
  readonly #unmetSkips: Set<string>

  constructor(options: ModifierOptions) {
    this.#options = options
    this.#unmetOverrides = new Set(options.statOverride?.keys())
    this.#unmetSkips = new Set(options.skip)
  }

  get wantsXattrs(): boolean {
    return this.#options.noXattrs !== true
  }

  /** @param path absolute, `/` for the root */
  skips(path: string): boolean {
    if (this.#options.skip?.has(path) !== true) return false
    this.#unmetSkips.delete(path)
    return true
  }

  apply(path: string, meta: ObjectMeta): ObjectMeta {
    const { ownerUid, ownerGid, canonicalPermissions, statOverride, label } = this.#options
    let { mode } = meta
    const override = statOverride?.get(path)
    if (override !== undefined) {
      this.#unmetOverrides.delete(path)
      mode = override.set ? (mode & modeMask) | override.mode : mode | override.mode
    }
    if (canonicalPermissions === true && !isSymlinkMode(mode)) mode &= modeMask | 0o755
    let xattrs = this.wantsXattrs ? canonicalXattrs(meta.xattrs) : []
    if (label !== undefined) {
      const value = label(path.slice(1), mode)
      const others = xattrs.filter((xattr) => xattr.name !== 'security.selinux')
      const own = value === undefined ? [] : [{ name: 'security.selinux', value: Buffer.from(`${value}\0`) }]
      xattrs = canonicalXattrs([...others, ...own])
    }
    return {
      uid: canonicalPermissions === true ? 0 : (ownerUid ?? meta.uid),
      gid: canonicalPermissions === true ? 0 : (ownerGid ?? meta.gid),
      mode,
      xattrs,
    }
  }

  /** @throws BootcError `STORE_OSTREE_INVALID` naming a path that was to be changed and never came */
  finish(): void {
    for (const path of this.#unmetOverrides) throw invalid(`stat override of ${path}`, 'no such path')
    for (const path of this.#unmetSkips) throw invalid(`skip list entry ${path}`, 'no such path')
  }
}

/**
 * Lines `MODE PATH` (bits to add) and `=MODE PATH` (mode to set); MODE is decimal.
 *
 * @throws BootcError `STORE_OSTREE_INVALID`
 */
export function parseStatOverride(text: string): Map<string, { mode: number; set: boolean }> {
  const overrides = new Map<string, { mode: number; set: boolean }>()
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue
    const match = /^(=?)(\d{1,5}) (\/.*)$/.exec(line)
    const mode = Number(match?.[2])
    if (match === null || mode > 0o7777) throw invalid('stat override', JSON.stringify(line))
    overrides.set(match[3]!, { mode, set: match[1] === '=' })
  }
  return overrides
}

/** One absolute path a line. */
export function parseSkipList(text: string): Set<string> {
  return new Set(text.split('\n').filter((line) => line !== ''))
}
