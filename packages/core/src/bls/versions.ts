/**
 * Order of `version` fields as libostree sorts entries: strverscmp(3). Digits compare as numbers, runs with
 * leading zeros as fractions.
 */
export function compareVersions(left: string, right: string): number {
  const a = Buffer.from(left)
  const b = Buffer.from(right)
  let at = 0
  /** Where the digits that end the common part start, and whether they are all zeros. */
  let digits = 0
  let zeros = true
  while (at < a.length && a[at] === b[at]) {
    if (!isDigit(a[at])) {
      digits = at + 1
      zeros = true
    } else if (a[at] !== 0x30) {
      zeros = false
    }
    at++
  }
  if (at === a.length && at === b.length) return 0
  if (isDigit(a[digits]) && isDigit(b[digits]) && a[digits] !== 0x30 && b[digits] !== 0x30) {
    const lengths = runLength(a, at) - runLength(b, at)
    if (lengths !== 0) return lengths
  } else if (zeros && digits < at && (isDigit(a[at]) || isDigit(b[at]))) {
    // Both are fractions so far: a digit continues the smaller one.
    return byteAfterDigits(a[at]) - byteAfterDigits(b[at])
  }
  return (a[at] ?? 0) - (b[at] ?? 0)
}

/**
 * Order of versions by UAPI.10, as systemd-boot has it: `~` before everything, `-`, `^` and `.` as separators,
 * numbers newer than letters, other characters ignored.
 */
export function compareUapiVersions(left: string, right: string): number {
  let a = left
  let b = right
  for (;;) {
    a = a.replace(/^[^A-Za-z0-9~^.-]+/, '')
    b = b.replace(/^[^A-Za-z0-9~^.-]+/, '')
    const tilde = comparePrefix(a, b, '~')
    if (tilde !== undefined && tilde !== 0) return tilde
    if (tilde === 0) [a, b] = [a.slice(1), b.slice(1)]
    if (a === '' || b === '') return Math.sign(a.length - b.length)
    for (const separator of ['-', '^', '.']) {
      const order = comparePrefix(a, b, separator)
      if (order !== undefined && order !== 0) return order
      if (order === 0) [a, b] = [a.slice(1), b.slice(1)]
    }
    const isNumber = /^[0-9]/.test(a) || /^[0-9]/.test(b)
    const pattern = isNumber ? /^[0-9]*/ : /^[A-Za-z]*/
    const x = pattern.exec(a)![0]
    const y = pattern.exec(b)![0]
    const order = isNumber ? compareNumbers(x, y) : compareText(x, y)
    if (order !== 0) return order
    a = a.slice(x.length)
    b = b.slice(y.length)
  }
}

/** Undefined when neither starts with `separator`, 0 when both do, else the one that does is lower. */
function comparePrefix(a: string, b: string, separator: string): number | undefined {
  const inA = a.startsWith(separator)
  const inB = b.startsWith(separator)
  if (!inA && !inB) return undefined
  return inA === inB ? 0 : inA ? -1 : 1
}

/** Digits of any length; none at all is lower than some. */
function compareNumbers(x: string, y: string): number {
  if (x === '' || y === '') return Math.sign(x.length - y.length)
  const a = x.replace(/^0+/, '')
  const b = y.replace(/^0+/, '')
  return Math.sign(a.length - b.length) || compareText(a, b)
}

function compareText(x: string, y: string): number {
  return x < y ? -1 : x > y ? 1 : 0
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39
}

/** Digits from `at` on. */
function runLength(bytes: Uint8Array, at: number): number {
  let end = at
  while (isDigit(bytes[end])) end++
  return end - at
}

/** Orders digits before every other byte, as a fraction that goes on is smaller than one that ends. */
function byteAfterDigits(byte: number | undefined): number {
  return ((byte ?? 0) - 0x30) & 0xff
}
