import { splitKargs } from '../kargs/index.js'

/** Kernel arguments with those that select the deployment: in place of the first of the same key, else behind. */
export function composeCmdline(kargs: readonly string[], rootKargs: readonly string[]): string {
  const key = (word: string) => word.split('=', 1)[0]!
  const out: string[] = []
  const left = new Map(rootKargs.map((word) => [key(word), word]))
  const keys = new Set(left.keys())
  for (const word of kargs.flatMap((karg) => splitKargs(karg))) {
    if (!keys.has(key(word))) out.push(word)
    const replacement = left.get(key(word))
    if (replacement === undefined) continue
    out.push(replacement)
    left.delete(key(word))
  }
  return [...out, ...left.values()].join(' ')
}
