/** Values of os-release(5), which are shell-like assignments; quotes are removed. */
export function parseOsRelease(text: string): ReadonlyMap<string, string> {
  const out = new Map<string, string>()
  for (const line of text.split('\n')) {
    const match = /^\s*([A-Za-z_][A-Za-z0-9_]*)=/.exec(line)
    if (match === null) continue
    out.set(match[1]!, unquote(line.slice(match[0].length).trimEnd()))
  }
  return out
}

function unquote(text: string): string {
  const single = /^'([^']*)'$/.exec(text)
  if (single !== null) return single[1]!
  const double = /^"((?:[^"\\]|\\.)*)"$/.exec(text)
  return (double === null ? text : double[1]!).replace(/\\(.)/g, '$1')
}
