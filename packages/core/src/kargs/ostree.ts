import { BootcError } from '../errors.js'
import { splitKargs } from './words.js'

/*
 * The operations of `ostree admin kargs` and `ostree admin deploy`. Unlike bootc's algebra, keys differ in `-`
 * and `_`, and quotes are part of the value. See ostree 2026.4 src/libostree/ostree-kernel-args.c.
 */

export function appendKarg(kargs: readonly string[], word: string): string[] {
  return [...kargs, word]
}

/** Append unless the key is there with any value. */
export function appendKargIfMissing(kargs: readonly string[], word: string): string[] {
  const { key } = split(word)
  return kargs.some((other) => split(other).key === key) ? [...kargs] : [...kargs, word]
}

/** One `k=v` where the first of `k` was, all others of `k` gone; appended when there was none. */
export function replaceKarg(kargs: readonly string[], word: string): string[] {
  const { key } = split(word)
  const first = kargs.findIndex((other) => split(other).key === key)
  if (first < 0) return [...kargs, word]
  return kargs.flatMap((other, i) => (i === first ? [word] : split(other).key === key ? [] : [other]))
}

/**
 * Change one value: `k=old=new`, or `k=new` when `k` has a single value.
 *
 * @throws BootcError `BOOT_KARG_NOT_FOUND`, `BOOT_KARG_AMBIGUOUS`
 */
export function replaceKargValue(kargs: readonly string[], change: string): string[] {
  const { key, value } = split(change)
  const places = placesOf(kargs, key)
  if (places.length === 0) throw notFound(change)
  const equals = value?.indexOf('=') ?? -1
  if (value === undefined || equals < 0) {
    if (places.length > 1) throw ambiguous(change, key)
    return kargs.with(places[0]!, change)
  }
  const old = value.slice(0, equals)
  const place = places.find((i) => (split(kargs[i]!).value ?? '') === old)
  if (place === undefined) throw notFound(change)
  return kargs.with(place, `${key}=${value.slice(equals + 1)}`)
}

/**
 * Delete `k=v`, or `k` when it has one value or one bare occurrence.
 *
 * @throws BootcError `BOOT_KARG_NOT_FOUND`, `BOOT_KARG_AMBIGUOUS`
 */
export function deleteKarg(kargs: readonly string[], word: string): string[] {
  const { key, value } = split(word)
  const places = placesOf(kargs, key)
  const matching = places.filter((i) => split(kargs[i]!).value === value)
  if (value !== undefined) {
    if (matching.length === 0) throw notFound(word)
    return kargs.toSpliced(matching[0]!, 1)
  }
  if (places.length === 0) throw notFound(word)
  if (places.length === 1) return kargs.toSpliced(places[0]!, 1)
  if (matching.length !== 1) throw ambiguous(word, key)
  return kargs.toSpliced(matching[0]!, 1)
}

/** As `deleteKarg`, but an absent key is fine. */
export function deleteKargIfPresent(kargs: readonly string[], word: string): string[] {
  return placesOf(kargs, split(word).key).length === 0 ? [...kargs] : deleteKarg(kargs, word)
}

/** Arguments of the running kernel that may be carried over: without what boot loaders add. */
export function kargsOfProcCmdline(cmdline: string): string[] {
  return splitKargs(cmdline).filter((word) => !/^(?:BOOT_IMAGE|initrd)=/.test(word))
}

function split(word: string): { key: string; value?: string } {
  const equals = word.indexOf('=')
  return equals < 0 ? { key: word } : { key: word.slice(0, equals), value: word.slice(equals + 1) }
}

function placesOf(kargs: readonly string[], key: string): number[] {
  return kargs.flatMap((word, i) => (split(word).key === key ? [i] : []))
}

function notFound(karg: string): BootcError {
  return new BootcError('BOOT_KARG_NOT_FOUND', `no kernel argument matches ${JSON.stringify(karg)}`, {
    details: { karg },
  })
}

function ambiguous(karg: string, key: string): BootcError {
  return new BootcError('BOOT_KARG_AMBIGUOUS', `kernel argument ${JSON.stringify(key)} has several values`, {
    details: { karg },
  })
}
