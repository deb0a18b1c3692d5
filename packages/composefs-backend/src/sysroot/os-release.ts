import type { ReadTree } from '@bootc-sdk/core'
import { parseOsRelease, readText } from '@bootc-sdk/core/store-kit'

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
  const first = (...names: readonly string[]) =>
    names.map((name) => oneLine(values.get(name) ?? '')).find((value) => value)
  const [title, version] = [first('PRETTY_NAME', 'NAME', 'ID'), first('VERSION_ID', 'VERSION')]
  return {
    id: first('ID') ?? 'bootc',
    ...(title === undefined ? {} : { title }),
    ...(version === undefined ? {} : { version }),
  }
}

/** What would break a line of a boot entry is taken out. */
function oneLine(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ').trim()
}
