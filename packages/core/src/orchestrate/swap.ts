import type { BootCount, BootSpec } from '../interfaces/index.js'
import { splitKargs } from '../kargs/index.js'

/** What of a deployment shows in its boot entry, for the comparison of two lists. */
export interface EntryFace {
  readonly title: string
  readonly bootDigest: string
  readonly version?: string | undefined
  readonly stateroot?: string | undefined
  /** Without root arguments. */
  readonly kargs: readonly string[]
  /** Keys beyond the common ones (`x-options-source-*`). */
  readonly extra: readonly (readonly [key: string, value: string])[]
  /** On trial. */
  readonly count?: BootCount | undefined
}

/**
 * libostree's rule (ostree.md §16.2): entries have to be written anew when the lists differ in length or,
 * at any place, in kernel, kargs, version or stateroot. Otherwise only links change. Ours counts titles too:
 * commits made from container images have no version, and the menu would go on naming the old release.
 */
export function entriesDiffer(before: readonly EntryFace[], after: readonly EntryFace[]): boolean {
  if (before.length !== after.length) return true
  return before.some((face, index) => {
    const other = after[index] as EntryFace
    return (
      face.title !== other.title ||
      face.bootDigest !== other.bootDigest ||
      face.version !== other.version ||
      face.stateroot !== other.stateroot ||
      face.count?.left !== other.count?.left ||
      face.count?.done !== other.count?.done ||
      !sameWords(face.kargs, other.kargs) ||
      !sameWords(
        face.extra.map(([key, value]) => `${key} ${value}`),
        other.extra.map(([key, value]) => `${key} ${value}`),
      )
    )
  })
}

function sameWords(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((word, index) => word === b[index])
}

/** Kernel arguments that do not select the deployment: those whose key is none of the root arguments'. */
export function withoutRootKargs(
  kargs: readonly string[],
  rootKargs: BootSpec['rootKargs'],
): readonly string[] {
  const keys = new Set(rootKargs.map(kargKey))
  return kargs.filter((karg) => !keys.has(kargKey(karg)))
}

function kargKey(karg: string): string {
  const at = karg.indexOf('=')
  return at < 0 ? karg : karg.slice(0, at)
}

/** Words of a kernel command line. */
export function kargsOf(options: string): readonly string[] {
  return splitKargs(options)
}
