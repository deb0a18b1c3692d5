import { BootcError } from '../errors.js'
import type { BootEntry } from '../interfaces/bootloader.js'

/** Who writes the file decides the order of its lines. */
export type BlsLineOrder = 'ostree' | 'bootc'

/** Keys that bootc puts before other ones, in this order. */
const bootcFirst = ['efi', 'uki', 'machine-id', 'sort-key']

/**
 * Parse a Type #1 boot entry. A line is a key that starts with a letter, white space and a value; all other
 * lines are ignored. A repeated key counts once, with its last value, except `initrd`, which is a list, and
 * `options`, which boot loaders join (libostree would drop all but the last).
 *
 * @param fileName of the entry, kept as it is
 * @see UAPI.1 Boot Loader Specification; ostree 2026.4 src/libostree/ostree-bootconfig-parser.c
 */
export function parseBlsEntry(text: string, fileName: string): BootEntry {
  const values = new Map<string, string>()
  const initrds: string[] = []
  for (const line of text.split('\n')) {
    const match = /^([A-Za-z][^ \t]*)[ \t]+/.exec(line)
    if (match === null) continue
    const key = match[1]!
    const value = untilBlanks(line, match[0].length)
    if (/[\r\u2028\u2029]/.test(value)) continue
    const before = key === 'options' ? values.get(key) : undefined
    if (key === 'initrd') initrds.push(value)
    else values.set(key, before === undefined ? value : `${before} ${value}`)
  }
  const { title = '', version = '', options = '', linux, devicetree, ...others } = Object.fromEntries(values)
  return {
    fileName,
    title,
    version,
    options,
    ...(linux === undefined ? {} : { linux }),
    initrds,
    ...(devicetree === undefined ? {} : { devicetree }),
    extra: Object.entries(others),
  }
}

/** What stands from `start` on, without blanks at its end. A regular expression would try each run of blanks anew. */
function untilBlanks(line: string, start: number): string {
  let end = line.length
  while (end > start && ' \t\r'.includes(line[end - 1]!)) end--
  return line.slice(start, end)
}

/**
 * Print a Type #1 boot entry; keys without a value are left out.
 *
 * `ostree`: title, version, options, devicetree, linux, initrd, others. `bootc`: title, version, linux, initrd,
 * options, devicetree, then efi, uki, machine-id, sort-key, others.
 *
 * @throws BootcError `BOOT_ENTRY_INVALID` for keys and values that would change the file's structure
 */
export function printBlsEntry(entry: Omit<BootEntry, 'fileName'>, order: BlsLineOrder = 'ostree'): string {
  const { title, version, options, devicetree, linux, initrds, extra } = entry
  const kernel: Pair[] = [['linux', linux], ...initrds.map((path): Pair => ['initrd', path])]
  const start: Pair[] = [
    ['title', title],
    ['version', version],
  ]
  const pairs: Pair[] =
    order === 'ostree'
      ? [...start, ['options', options], ['devicetree', devicetree], ...kernel, ...extra]
      : [...start, ...kernel, ['options', options], ['devicetree', devicetree], ...inBootcOrder(extra)]
  return pairs
    .filter((pair): pair is [string, string] => pair[1] !== undefined && pair[1] !== '')
    .map(([key, value]) => printLine(key, value))
    .join('')
}

type Pair = readonly [key: string, value: string | undefined]

function inBootcOrder(extra: BootEntry['extra']): Pair[] {
  const first = bootcFirst.flatMap((name) => extra.filter(([key]) => key === name))
  return [...first, ...extra.filter(([key]) => !bootcFirst.includes(key))]
}

function printLine(key: string, value: string): string {
  if (!/^[A-Za-z][^\s]*$/.test(key) || /[\n\r\0]/.test(value) || value !== value.trim()) {
    throw new BootcError(
      'BOOT_ENTRY_INVALID',
      `boot entry cannot hold ${JSON.stringify(`${key} ${value}`)}`,
      {
        details: { key, value },
      },
    )
  }
  return `${key} ${value}\n`
}
