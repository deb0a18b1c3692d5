import { BootcError } from '../errors.js'
import { appendKarg, deleteKarg, deleteKargIfPresent, replaceKargValue } from './ostree.js'
import { sameKarg, splitKargs } from './words.js'

/** Changes of kernel arguments by hand, as `rpm-ostree kargs` takes them; each text may hold several words. */
export interface KargsEdit {
  readonly append?: readonly string[]
  /** Unless the same key has the same value already. */
  readonly appendIfMissing?: readonly string[]
  /** `key=value`, or `key` when that has one value. */
  readonly delete?: readonly string[]
  readonly deleteIfPresent?: readonly string[]
  /** `key=new` when the key has one value, `key=old=new` else. */
  readonly replace?: readonly string[]
}

/**
 * Apply changes: deletions, replacements, additions.
 *
 * @throws BootcError `BOOT_KARG_NOT_FOUND`, `BOOT_KARG_AMBIGUOUS`, `BOOT_KARG_INVALID`
 */
export function editKargs(kargs: readonly string[], edit: KargsEdit): string[] {
  const words = (texts: readonly string[] | undefined): string[] => (texts ?? []).flatMap(parseKargsText)
  let out = [...kargs]
  for (const word of words(edit.delete)) out = deleteKarg(out, word)
  for (const word of words(edit.deleteIfPresent)) {
    // One with another value is not the one that is meant.
    const isPlain = !word.includes('=')
    if (isPlain || out.includes(word)) out = deleteKargIfPresent(out, word)
  }
  for (const word of words(edit.replace)) out = replaceValue(out, word)
  for (const word of words(edit.append)) out = appendKarg(out, word)
  for (const word of words(edit.appendIfMissing)) {
    if (!out.some((other) => sameKarg(other, word))) out = appendKarg(out, word)
  }
  return out
}

/**
 * `key=old=new` where one of the values is `old`, in which equals signs may be (`root=LABEL=a=LABEL=b`); else
 * `key=new`, in which they may be as well.
 */
function replaceValue(kargs: readonly string[], change: string): string[] {
  const [key = '', ...rest] = change.split('=')
  for (let at = 1; at < rest.length; at++) {
    const place = kargs.indexOf(`${key}=${rest.slice(0, at).join('=')}`)
    if (place >= 0) return kargs.with(place, `${key}=${rest.slice(at).join('=')}`)
  }
  const places = kargs.flatMap((karg, place) => (karg === key || karg.startsWith(`${key}=`) ? [place] : []))
  return places.length === 1 ? kargs.with(places[0]!, change) : replaceKargValue(kargs, change)
}

/**
 * Words of a text that people or programs hand in. What would change the rest of the command line, or the
 * structure of a boot entry, is refused.
 *
 * @throws BootcError `BOOT_KARG_INVALID`
 */
export function parseKargsText(text: string): string[] {
  const quotes = text.split('"').length - 1
  if (quotes % 2 === 1) throw invalid(text, 'has a quote that is not closed')
  // Tab and line ends only separate words; within quotes they would end the line of a boot entry.
  if (splitKargs(text).some((word) => /[\0-\x1f\x7f]/.test(word)))
    throw invalid(text, 'has a control character')
  const words = splitKargs(text)
  const nameless = words.find((word) => /^"?=/.test(word))
  if (nameless !== undefined) throw invalid(nameless, 'has no key')
  return words
}

function invalid(text: string, problem: string): BootcError {
  return new BootcError('BOOT_KARG_INVALID', `kernel argument ${JSON.stringify(text)} ${problem}`, {
    details: { karg: text, problem },
  })
}
