/** Values of a unit file by section and key, the last one of each. */
export type UnitFile = ReadonlyMap<string, ReadonlyMap<string, string>>

/**
 * The settings of a unit file, as far as plain values go: comments, lines continued with a backslash, an empty value
 * takes the key back.
 *
 * @see systemd.syntax(7)
 */
export function parseUnitFile(text: string): UnitFile {
  const sections = new Map<string, Map<string, string>>()
  let current: Map<string, string> | undefined
  for (const line of logicalLines(text)) {
    const header = /^\[([^\]]+)\]$/.exec(line)
    if (header !== null) {
      current = sections.get(header[1]!) ?? new Map<string, string>()
      sections.set(header[1]!, current)
      continue
    }
    const cut = line.indexOf('=')
    if (cut <= 0 || current === undefined) continue
    const [key, value] = [line.slice(0, cut).trim(), line.slice(cut + 1).trim()]
    if (value === '') current.delete(key)
    else current.set(key, value)
  }
  return sections
}

function* logicalLines(text: string): Generator<string> {
  let pending = ''
  for (const raw of text.split('\n')) {
    const line = raw.replace(/\r$/, '').trim()
    // Comments may stand between the parts of a line.
    if (/^[#;]/.test(line)) continue
    if (line.endsWith('\\')) {
      pending += `${line.slice(0, -1)} `
      continue
    }
    const whole = `${pending}${line}`.trim()
    pending = ''
    if (whole !== '') yield whole
  }
  if (pending.trim() !== '') yield pending.trim()
}
