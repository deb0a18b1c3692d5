import { encodeName } from './bytes.js'

/**
 * Order of two names by their bytes (strcmp). JavaScript's own `<` compares UTF-16 units, which differs for
 * characters beyond U+FFFF and for escaped bytes.
 */
export function compareNames(a: string, b: string): number {
  if (a === b) return 0
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x === y) continue
    // Below the surrogates, UTF-16 order is UTF-8 order.
    if (x < 0xd800 && y < 0xd800) return x - y
    return Buffer.compare(encodeName(a), encodeName(b))
  }
  return a.length - b.length
}

/** Order of two paths as a tree walk in byte order of names gives it: `a`, `a/b`, `a.c`. */
export function comparePaths(a: string, b: string): number {
  const x = a.split('/')
  const y = b.split('/')
  for (let i = 0; i < x.length && i < y.length; i++) {
    const order = compareNames(x[i]!, y[i]!)
    if (order !== 0) return order
  }
  return x.length - y.length
}
