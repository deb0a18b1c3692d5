const units = ['kB', 'MB', 'GB', 'TB', 'PB']

/** Decimal sizes as GLib prints them, which ostree and bootc use: `512 bytes`, `1.2 kB`, `3.4 GB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return bytes === 1 ? '1 byte' : `${bytes} bytes`
  let value = bytes
  let unit = -1
  // 999 950 would print as `1000.0 kB`.
  while (value >= 999.95 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  return `${value.toFixed(1)} ${units[Math.max(unit, 0)]}`
}

/** `850 ms`, `4.2 s`, `3 min 07 s`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`
  const seconds = milliseconds / 1000
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`
}

/** `12.3 MB/s`; empty when nothing was measured. */
export function formatRate(bytes: number, milliseconds: number): string {
  return milliseconds <= 0 || bytes === 0 ? '' : `${formatBytes(Math.round((bytes * 1000) / milliseconds))}/s`
}

/** `sha256:0123456789ab`: enough of a digest to tell one layer from another. */
export function shortDigest(digest: string): string {
  const [algorithm, hex] = digest.split(':')
  return hex === undefined ? digest.slice(0, 12) : `${algorithm}:${hex.slice(0, 12)}`
}

/** Text safe for one line of a terminal: control characters and bytes that are not UTF-8 become escapes. */
export function printable(text: string): string {
  return text.replace(
    /[\u0000-\u001f\u007f-\u009f\u2028\u2029]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g,
    (character) => {
      const code = character.charCodeAt(0)
      if (character === '\n') return '\\n'
      if (character === '\t') return '\\t'
      if (character === '\r') return '\\r'
      if (code >= 0xdc80 && code <= 0xdcff) return `\\x${(code - 0xdc00).toString(16)}`
      return code < 0x100
        ? `\\x${code.toString(16).padStart(2, '0')}`
        : `\\u${code.toString(16).padStart(4, '0')}`
    },
  )
}
