import { kargIdentity, parseKarg, sameKargKey } from './words.js'

/*
 * The algebra that bootc applies to command lines: lists of words, compared by key (`-` equals `_`) and value.
 * See bootc 1.16.9, crate linux-kernel-cmdline. The operations of `ostree admin kargs` are in ostree.ts.
 */

/** Append those of `added` that are not there yet; a repeated argument is kept once, `a=1 a=2` stay both. */
export function extendKargs(kargs: readonly string[], added: readonly string[]): string[] {
  const out = [...kargs]
  const seen = new Set(kargs.map(kargIdentity))
  for (const word of added) {
    const identity = kargIdentity(word)
    if (seen.has(identity)) continue
    seen.add(identity)
    out.push(word)
  }
  return out
}

/** Drop every argument that equals one of `removed` in key and value. */
export function removeKargs(kargs: readonly string[], removed: readonly string[]): string[] {
  const gone = new Set(removed.map(kargIdentity))
  return kargs.filter((word) => !gone.has(kargIdentity(word)))
}

/** Drop every argument with this key, whatever its value. */
export function removeKargKey(kargs: readonly string[], key: string): string[] {
  return kargs.filter((word) => !sameKargKey(parseKarg(word).key, key))
}

/** Deletions as on bootc's command line: `key=value` drops exactly that, `key` drops all of that key. */
export function deleteKargs(kargs: readonly string[], deletions: readonly string[]): string[] {
  let out = [...kargs]
  for (const word of deletions) {
    const { key, value } = parseKarg(word)
    out = value === undefined ? removeKargKey(out, key) : removeKargs(out, [word])
  }
  return out
}

/** Put `word` in place of the first argument with its key and drop the others of that key; append when none. */
export function setKarg(kargs: readonly string[], word: string): string[] {
  const { key } = parseKarg(word)
  const out: string[] = []
  let placed = false
  for (const other of kargs) {
    if (!sameKargKey(parseKarg(other).key, key)) out.push(other)
    else if (!placed) {
      out.push(word)
      placed = true
    }
  }
  if (!placed) out.push(word)
  return out
}

/** Values of a key in order; a bare key gives `undefined`. */
export function kargValues(kargs: readonly string[], key: string): (string | undefined)[] {
  return kargs
    .map(parseKarg)
    .filter((karg) => sameKargKey(karg.key, key))
    .map((karg) => karg.value)
}
