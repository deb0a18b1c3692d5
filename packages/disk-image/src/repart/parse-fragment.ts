import { invalidDisk } from '../errors.js'

/** A file of repart.d. */
export interface RepartFile {
  /** As `10-root.conf`; they count in the order of their names. */
  readonly name: string
  readonly text: string
}

/** Keys and values of the section `[Partition]`, the last one of each. */
export type Fragment = ReadonlyMap<string, string>

/**
 * Parse a definition of a partition: comments start with `#` or `;`, a backslash at the end joins lines. Other sections
 * and lines before the first are not systemd's either.
 *
 * @throws BootcError `SYSROOT_DISK_INVALID`
 * @see systemd 257 repart.d(5), systemd.syntax(7)
 */
export function parseFragment({ name, text }: RepartFile): Fragment {
  const keys = new Map<string, string>()
  let isPartition = false
  for (const line of joined(text)) {
    const trimmed = line.trim()
    if (trimmed === '') continue
    const section = /^\[([^\]]*)\]$/.exec(trimmed)?.[1]
    if (section !== undefined) {
      isPartition = section === 'Partition'
      continue
    }
    const equals = trimmed.indexOf('=')
    if (equals <= 0) throw invalidDisk(name, `${JSON.stringify(trimmed.slice(0, 80))} is no assignment`)
    if (isPartition) keys.set(trimmed.slice(0, equals).trimEnd(), trimmed.slice(equals + 1).trimStart())
  }
  return keys
}

function* joined(text: string): Generator<string> {
  let before = ''
  for (const line of text.split(/\r?\n/)) {
    // Comments may stand between lines that are joined.
    if (/^\s*[#;]/.test(line)) continue
    if (line.endsWith('\\')) before += `${line.slice(0, -1)} `
    else {
      yield before + line
      before = ''
    }
  }
  if (before !== '') yield before
}

const units: Readonly<Record<string, number>> = {
  '': 1,
  ...{ B: 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 },
}

/** Bytes of `512M`. @throws BootcError `SYSROOT_DISK_INVALID` */
export function sizeOf(text: string, what: string): number {
  const [, digits = '', unit = ''] = /^(\d{1,15})\s*([BKMGT]?)$/.exec(text) ?? []
  const bytes = Number(digits) * units[unit]!
  if (digits !== '' && Number.isSafeInteger(bytes)) return bytes
  throw invalidDisk(what, `${JSON.stringify(text)} is no size as 512M`)
}

/** @throws BootcError `SYSROOT_DISK_INVALID` */
export function booleanOf(text: string, what: string): boolean {
  if (/^(?:1|yes|y|true|t|on)$/i.test(text)) return true
  if (/^(?:0|no|n|false|f|off)$/i.test(text)) return false
  throw invalidDisk(what, `${JSON.stringify(text)} is neither yes nor no`)
}
