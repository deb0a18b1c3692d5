import type { ReadTree } from '@bootc-sdk/core'
import { readText } from './read-text.js'

/** What boot menus show of a system. */
export interface OsRelease {
  readonly id: string
  readonly title?: string
  readonly version?: string
}

/**
 * os-release of an image, with bootc's choice of fields.
 *
 * @see os-release(5); composefs-rs 0.7.0 crates/composefs-boot/src/os_release.rs
 */
export async function readOsRelease(tree: Pick<ReadTree, 'stat' | 'read'>): Promise<OsRelease> {
  const values = parseOsRelease((await readText(tree, 'usr/lib/os-release')) ?? '')
  const first = (...names: readonly string[]) => names.map((name) => values.get(name)).find((value) => value)
  const [title, version] = [first('PRETTY_NAME', 'NAME', 'ID'), first('VERSION_ID', 'VERSION')]
  return {
    id: first('ID') ?? 'bootc',
    ...(title === undefined ? {} : { title }),
    ...(version === undefined ? {} : { version }),
  }
}

/** Shell-like assignments; quotes are removed, and what would break a line of a boot entry. */
function parseOsRelease(text: string): ReadonlyMap<string, string> {
  const out = new Map<string, string>()
  for (const line of text.split('\n')) {
    const match = /^\s*([A-Za-z_][A-Za-z0-9_]*)=(.*?)\s*$/.exec(line)
    if (match === null) continue
    out.set(
      match[1]!,
      unquote(match[2]!)
        .replace(/\p{Cc}+/gu, ' ')
        .trim(),
    )
  }
  return out
}

function unquote(text: string): string {
  const single = /^'([^']*)'$/.exec(text)
  if (single !== null) return single[1]!
  const double = /^"((?:[^"\\]|\\.)*)"$/.exec(text)
  return (double === null ? text : double[1]!).replace(/\\(.)/g, '$1')
}
