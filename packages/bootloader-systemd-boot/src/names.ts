import type { BootSpec } from '@bootc-sdk/core'
import { parseBootCount, sortForSystemdBoot } from '@bootc-sdk/core/bls'

/**
 * File names for a list, first = default, without counts. Those that specs bring, where they are names for FAT
 * and different there; else one stem and a number that counts down. The order of the menu does not need them:
 * sort keys decide.
 */
export function fileNamesFor(specs: readonly BootSpec[]): string[] {
  const own = specs.map(({ fileName }, index) => safeName(fileName ?? `ostree-${specs.length - index}.conf`))
  if (new Set(own.map((name) => name.toLowerCase())).size === own.length) return own
  const stem = own[0]!.replace(/(?:-[^-]*)?\.conf$/, '')
  const width = String(specs.length - 1).length
  return own.map((_, index) => `${stem}-${String(specs.length - 1 - index).padStart(width, '0')}.conf`)
}

/**
 * Sort keys for a list: those that specs bring where they give this order, else `bootc-<os id>-<place>` for all,
 * which is what bootc writes for its two.
 *
 * @see bootc 1.16.9 crates/lib/src/bootc_composefs/boot.rs
 */
export function sortKeysFor(specs: readonly BootSpec[], fileNames: readonly string[]): string[] {
  const own = specs.map(({ extra }) => extra?.find(([key]) => key === 'sort-key')?.[1] ?? '')
  if (own.every((key) => key !== '') && isInOrder(specs, fileNames, own)) return own
  const osId = specs[0]?.osId.replaceAll(/\s/g, '_') ?? 'bootc'
  const width = String(Math.max(specs.length - 1, 0)).length
  return specs.map((_, index) => `bootc-${osId}-${String(index).padStart(width, '0')}`)
}

function isInOrder(
  specs: readonly BootSpec[],
  fileNames: readonly string[],
  sortKeys: readonly string[],
): boolean {
  const entries = specs.map(({ version }, index) => ({
    ...{ fileName: fileNames[index]!, title: '', version, options: '', initrds: [] },
    extra: [['sort-key', sortKeys[index]!] as const],
  }))
  return sortForSystemdBoot(entries).every((entry, index) => entry === entries[index])
}

/** A version may end like a count of tries (`1+2`), and then the loader would count. */
function safeName(fileName: string): string {
  const name = fileName.replace(/["*/:<>?\\|\0-\x1f\x7f]/g, '_')
  return parseBootCount(name).count === undefined ? name : name.replace(/\+(?=[^+]*$)/, '_')
}
