import type { Dir } from '@bootc-sdk/core'
import { assertRefName, readRefLink, type LinkKind } from './links.js'
import { listNames } from './io.js'

/** Deeper than anybody nests; a loop is impossible, since links are not followed. */
const maxDepth = 64

/** What lies below `KIND/refs`, without following anything. */
export interface RefEntry {
  /** Relative to `KIND/refs`. */
  readonly name: string
  readonly type: string
}

/** Every entry that is not a directory, in byte order. @param prefix a directory below refs/, or none */
export async function* walkRefs(dir: Dir, kind: LinkKind, prefix = '', depth = 0): AsyncGenerator<RefEntry> {
  const path = prefix === '' ? `${kind}/refs` : `${kind}/refs/${prefix}`
  for (const child of await listNames(dir, path)) {
    const name = prefix === '' ? child : `${prefix}/${child}`
    const type = (await dir.stat(`${kind}/refs/${name}`))?.type
    if (type === undefined) continue
    if (type === 'directory' && depth < maxDepth) yield* walkRefs(dir, kind, name, depth + 1)
    else yield { name, type }
  }
}

/** References that lead somewhere in `KIND/`; others are for fsck to report. */
export async function* listRefs(
  dir: Dir,
  kind: LinkKind,
  prefix = '',
): AsyncGenerator<{ readonly name: string; readonly target: string }> {
  const clean = prefix.replace(/\/+$/, '')
  if (clean !== '') assertRefName(clean)
  for await (const { name, type } of walkRefs(dir, kind, clean)) {
    if (type !== 'symlink') continue
    const target = await readRefLink(dir, `${kind}/refs/${name}`).catch(() => undefined)
    if (target !== undefined) yield { name, target }
  }
}
