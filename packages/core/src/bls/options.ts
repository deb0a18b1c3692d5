import { joinKargs } from '../kargs/words.js'

/**
 * The `options` of an entry: arguments with the root arguments (`ostree=…`) in them. Each root argument takes
 * the place of the first one with its key, further ones of that key go; one that was not there comes last.
 */
export function composeOptions(kargs: readonly string[], rootKargs: readonly string[]): string {
  const words: (string | undefined)[] = [...kargs]
  for (const rootKarg of rootKargs) {
    const key = keyOf(rootKarg)
    const first = words.findIndex((word) => word !== undefined && keyOf(word) === key)
    for (let i = 0; i < words.length; i++) {
      if (words[i] !== undefined && keyOf(words[i]!) === key) words[i] = undefined
    }
    words[first < 0 ? words.length : first] = rootKarg
  }
  return joinKargs(words.filter((word) => word !== undefined))
}

/** Root arguments are compared as written: `-` and `_` differ. */
function keyOf(word: string): string {
  const equals = word.indexOf('=')
  return equals < 0 ? word : word.slice(0, equals)
}
