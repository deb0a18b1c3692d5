import { BootcError } from '../errors.js'
import { extendKargs, removeKargs } from './algebra.js'
import { joinKargs, kargIdentity, splitKargs } from './words.js'

/*
 * Kernel arguments with owners. A source (`tuned`, `etc-kargs-d`) owns what it has set; the boot entry says so
 * in a key of its own, `x-options-source-NAME WORD…`, and its arguments stand in `options` as any others.
 * See bootc 1.16.9 crates/lib/src/loader_entries.rs; keys starting with `x-` are kept by libostree.
 */

/** Keys of a boot entry beyond the common ones. */
export type EntryKeys = readonly (readonly [key: string, value: string])[]

/** Arguments of a deployment, and who owns which. */
export interface OwnedKargs {
  readonly kargs: readonly string[]
  readonly extra: EntryKeys
}

const keyPrefix = 'x-options-source-'
/** Ours: arguments that a source has set, too, but that were there without an owner before. */
const keptKey = 'x-bootc-sdk-options-kept'

/** @throws BootcError `BOOT_KARG_SOURCE_INVALID` */
export function assertSourceName(source: string): void {
  if (/^[A-Za-z0-9_-]+$/.test(source)) return
  throw new BootcError(
    'BOOT_KARG_SOURCE_INVALID',
    `a source of kernel arguments is named by letters, digits, "-" and "_", not ${JSON.stringify(source)}`,
    { details: { source } },
  )
}

/** What each source owns, by the keys of a boot entry; a key without a value is a source that was dropped. */
export function kargSources(extra: EntryKeys): ReadonlyMap<string, readonly string[]> {
  const sources = new Map<string, readonly string[]>()
  for (const [key, value] of extra) {
    const words = key.startsWith(keyPrefix) ? splitKargs(value) : []
    if (words.length > 0) sources.set(key.slice(keyPrefix.length), words)
  }
  return sources
}

/** Everything that some source owns. */
export function sourcedKargs(extra: EntryKeys): string[] {
  return [...kargSources(extra).values()].flat()
}

/**
 * Let a source own exactly `words`: what only it owned before and does not any more goes, what is new is
 * appended. Arguments of other sources, of the image, and those that nobody owned stay. Equal values change
 * nothing.
 *
 * Differs from bootc, where an argument that somebody else owns, too, goes with the first of them.
 *
 * @param image the list that the deployment's image ships
 * @throws BootcError `BOOT_KARG_SOURCE_INVALID`
 */
export function setKargSource(
  current: OwnedKargs,
  source: string,
  words: readonly string[],
  image: readonly string[],
): OwnedKargs {
  assertSourceName(source)
  const { kargs, extra } = current
  const sources = kargSources(extra)
  const old = sources.get(source) ?? []
  if (sameWords(old, words) && removeKargs(words, kargs).length === 0) return current
  const others = [...sources].filter(([name]) => name !== source).flatMap(([, owned]) => owned)
  const kept = wordsOf(extra, keptKey)
  const left = removeKargs(kargs, removeKargs(old, [...others, ...kept, ...image]))
  const unowned = both(removeKargs(words, [...old, ...others, ...image]), kargs)
  const owned = [...others, ...words]
  return {
    kargs: extendKargs(left, words),
    extra: withKeys(extra, [
      [`${keyPrefix}${source}`, joinKargs(words)],
      // Remembered as long as somebody might take them away.
      [keptKey, joinKargs(both(extendKargs(kept, unowned), owned))],
    ]),
  }
}

/** After arguments were deleted by hand: nothing keeps them any more. */
export function forgetKept({ kargs, extra }: OwnedKargs): OwnedKargs {
  return { kargs, extra: withKeys(extra, [[keptKey, joinKargs(both(wordsOf(extra, keptKey), kargs))]]) }
}

/** Keys with these set, in place or at the end; an empty value takes one away. */
export function withKeys(extra: EntryKeys, keys: EntryKeys): EntryKeys {
  let out = [...extra]
  for (const [key, value] of keys) {
    const place = out.findIndex(([name]) => name === key)
    if (value === '') out = out.filter(([name]) => name !== key)
    else if (place < 0) out.push([key, value])
    else if (out[place]![1] !== value) out = out.with(place, [key, value])
  }
  return out
}

function wordsOf(extra: EntryKeys, key: string): string[] {
  return splitKargs(extra.find(([name]) => name === key)?.[1] ?? '')
}

/** Those of `words` that are in `list`. */
function both(words: readonly string[], list: readonly string[]): string[] {
  const there = new Set(list.map(kargIdentity))
  return words.filter((word) => there.has(kargIdentity(word)))
}

function sameWords(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((word, index) => word === b[index])
}
