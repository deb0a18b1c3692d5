/** Which tests with machines run: all, the two paths that tell most (as in CI), or none. */
export function guestsWanted(): 'all' | 'ci' | 'none' {
  const wanted = process.env['E2E_GUESTS'] ?? 'all'
  if (wanted === '0') return 'none'
  if (wanted === 'all' || wanted === 'ci') return wanted
  throw new Error(`E2E_GUESTS is all, ci or 0, not ${wanted}`)
}
