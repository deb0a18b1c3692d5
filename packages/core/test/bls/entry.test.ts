import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isBootcError } from '../../src/errors.js'
import {
  composeOptions,
  parseBlsEntry,
  parseBootCount,
  parseOstreeEntryName,
  printBlsEntry,
  printOstreeEntryName,
  sortForGrub,
  sortForOstree,
  sortForSystemdBoot,
} from '../../src/bls/index.js'
import type { BootEntry } from '../../src/interfaces/index.js'

/** As ostree 2026.4 wrote it. */
const ostreeEntry = `title Golden Linux 1 1.0 (ostree:0)
version 1
options root=LABEL=root rw console=ttyS0 ostree=/ostree/boot.1/golden/3a346d63/0
linux /ostree/golden-3a346d63/vmlinuz-1.2.3
initrd /ostree/golden-3a346d63/initramfs-1.2.3.img
`
/** As bootc's documentation of its composefs entries has it. */
const bootcEntry = `title Edge OS 2
version 2.4.1
linux /EFI/Linux/bootc_composefs-3e/vmlinuz
initrd /EFI/Linux/bootc_composefs-3e/initrd
options root=UUID=0d rw composefs=3e
sort-key bootc-edge-0
`

describe('boot entries', () => {
  test('what ostree wrote is printed back byte for byte', () => {
    const entry = parseBlsEntry(ostreeEntry, 'ostree-1.conf')
    expect(entry).toMatchObject({
      fileName: 'ostree-1.conf',
      version: '1',
      linux: '/ostree/golden-3a346d63/vmlinuz-1.2.3',
    })
    expect(printBlsEntry(entry)).toBe(ostreeEntry)
  })

  test("bootc's order is another one", () => {
    expect(printBlsEntry(parseBlsEntry(bootcEntry, 'x.conf'), 'bootc')).toBe(bootcEntry)
    const uki = 'title a\nversion 1\nefi /EFI/a.efi\nmachine-id 0123\nsort-key k\ngrub_users $grub_users\n'
    const shuffled = uki.split('\n').reverse().join('\n')
    expect(printBlsEntry(parseBlsEntry(shuffled, 'x.conf'), 'bootc')).toBe(uki)
  })

  test('unknown keys, several initrds and the device tree survive', () => {
    const text =
      'title t\nversion 2\noptions a b\ndevicetree /dtb\nlinux /k\ninitrd /i\ninitrd /overlay\nx-options-source-tuned a\naboot /ab\n'
    const entry = parseBlsEntry(text, 'x.conf')
    expect(entry.initrds).toEqual(['/i', '/overlay'])
    expect(entry.devicetree).toBe('/dtb')
    expect(entry.extra).toEqual([
      ['x-options-source-tuned', 'a'],
      ['aboot', '/ab'],
    ])
    expect(printBlsEntry(entry)).toBe(text)
  })

  test('comments and other lines are ignored, the last of repeated keys counts', () => {
    const entry = parseBlsEntry(
      '# title no\n\n title no\n1 x\ntitle  \tyes \r\nversion 1\nversion 2\noptions\n',
      'x',
    )
    expect(entry).toEqual({ fileName: 'x', title: 'yes', version: '2', options: '', initrds: [], extra: [] })
  })

  test('values that would start a new line are refused', () => {
    const entry = { title: 'a\noptions init=/bin/sh', version: '1', options: '', initrds: [], extra: [] }
    let caught: unknown
    try {
      printBlsEntry(entry)
    } catch (error) {
      caught = error
    }
    expect(isBootcError(caught, 'BOOT_ENTRY_INVALID')).toBe(true)
  })

  test('any entry survives printing and parsing, in both orders', () => {
    const value = fc.stringMatching(/^[!-~][ -~]{0,20}[!-~]$/)
    const entry = fc.record(
      {
        fileName: fc.constant('x.conf'),
        title: value,
        version: value,
        options: value,
        linux: value,
        devicetree: value,
        initrds: fc.array(value, { maxLength: 3 }),
        extra: fc.uniqueArray(fc.tuple(fc.stringMatching(/^x-[a-z]{1,6}$/), value), {
          selector: ([key]) => key,
        }),
      },
      { requiredKeys: ['fileName', 'title', 'version', 'options', 'initrds', 'extra'] },
    )
    fc.assert(
      fc.property(entry, fc.constantFrom('ostree' as const, 'bootc' as const), (one, order) => {
        expect(parseBlsEntry(printBlsEntry(one, order), 'x.conf')).toEqual(one)
      }),
    )
  })
})

test('blanks within a line take no more time than other text, and are kept', () => {
  const value = `a${' '.repeat(40_000)}b`
  const start = performance.now()
  expect(parseBlsEntry(`title ${value} \t\r\n`, 'a.conf').title).toBe(value)
  expect(performance.now() - start).toBeLessThan(1000)
})

describe('file names', () => {
  test.each([
    ['ostree-1.conf', { number: 1 }],
    ['ostree-12-fedora-coreos.conf', { number: 12, stateroot: 'fedora-coreos' }],
    ['ostree-4+3.conf', { number: 4, count: { left: 3, done: 0 } }],
    ['ostree-4+1-2.conf', { number: 4, count: { left: 1, done: 2 } }],
    ['ostree-4-os+1-2.conf', { number: 4, stateroot: 'os', count: { left: 1, done: 2 } }],
    ['ostree-4+1-2-os.conf', { number: 4, stateroot: 'os', count: { left: 1, done: 2 } }],
  ])('%s', (fileName, parsed) => {
    expect(parseOstreeEntryName(fileName)).toEqual(parsed)
  })

  test.each([
    'ostree-.conf',
    'ostree-1',
    'fedora-1.conf',
    'ostree-1.conf.bak',
    'ostree-x.conf',
    'ostree-1+.conf',
  ])('%s is none of them', (fileName) => {
    expect(parseOstreeEntryName(fileName)).toBeUndefined()
  })

  test('names are printed with the count last', () => {
    expect(printOstreeEntryName({ number: 2 })).toBe('ostree-2.conf')
    expect(printOstreeEntryName({ number: 2, stateroot: 'os', count: { left: 3, done: 0 } })).toBe(
      'ostree-2-os+3.conf',
    )
    expect(printOstreeEntryName({ number: 2, count: { left: 0, done: 3 } })).toBe('ostree-2+0-3.conf')
    expect(printOstreeEntryName({ number: 2, count: { left: 0, done: 0 } })).toBe('ostree-2.conf')
  })

  test('counts are found in any name', () => {
    expect(parseBootCount('a+b+3-1.conf')).toEqual({ name: 'a+b.conf', count: { left: 3, done: 1 } })
    expect(parseBootCount('a+b.conf')).toEqual({ name: 'a+b.conf' })
  })
})

describe('order', () => {
  const entry = (fileName: string, version = '', extra: BootEntry['extra'] = []): BootEntry => ({
    fileName,
    title: '',
    version,
    options: '',
    initrds: [],
    extra,
  })
  const names = (entries: readonly BootEntry[]): string[] => entries.map(({ fileName }) => fileName)

  test('ostree lists the highest version first', () => {
    const entries = [entry('a', '2'), entry('b', '10'), entry('c', '9')]
    expect(names(sortForOstree(entries))).toEqual(['b', 'c', 'a'])
  })

  test('GRUB compares file names as packages, highest first', () => {
    const sorted = ['ostree-10-fedora.conf', 'ostree-2-fedora.conf', 'ostree-1-fedora.conf']
    expect(names(sortForGrub([...sorted].reverse().map((name) => entry(name))))).toEqual(sorted)
    const short = ['ostree-10.conf', 'ostree-2.conf', 'ostree-1.conf']
    expect(names(sortForGrub(short.toSorted().map((name) => entry(name))))).toEqual(short)
    const bootc = ['bootc_edge-2-1.conf', 'bootc_edge-2-0.conf', 'bootc_edge-1-1.conf']
    expect(names(sortForGrub(bootc.toReversed().map((name) => entry(name))))).toEqual(bootc)
    const mixed = ['ostree-2.conf', 'ostree-1.conf', 'memtest.conf', 'bootc_edge-2-1.conf']
    expect(names(sortForGrub(mixed.toReversed().map((name) => entry(name))))).toEqual(mixed)
  })

  test('systemd-boot: sort keys, then file names, spent entries last', () => {
    const sorted = [
      entry('x.conf', '2', [['sort-key', 'bootc-a-0']]),
      entry('y.conf', '1', [['sort-key', 'bootc-a-0']]),
      entry('z.conf', '9', [['sort-key', 'bootc-a-1']]),
      entry('ostree-10.conf'),
      entry('ostree-9+3.conf'),
      entry('ostree-9+2-1.conf'),
      entry('ostree-2.conf'),
      entry('ostree-11+0-3.conf'),
    ]
    expect(names(sortForSystemdBoot([...sorted].reverse()))).toEqual(names(sorted))
  })
})

describe('options', () => {
  test('a root argument takes the place of the one before it', () => {
    expect(composeOptions(['rw', 'ostree=/old', 'quiet'], ['ostree=/new'])).toBe('rw ostree=/new quiet')
  })

  test('or comes last', () => {
    expect(composeOptions(['rw'], ['ostree=/new', 'b'])).toBe('rw ostree=/new b')
  })

  test('repeats of its key vanish', () => {
    expect(composeOptions(['ostree=/a', 'rw', 'ostree=/b'], ['ostree=/new'])).toBe('ostree=/new rw')
  })

  test('composing again changes nothing', () => {
    const once = composeOptions(['a', 'ostree=/x'], ['ostree=/y', 'root=z'])
    expect(composeOptions(once.split(' '), ['ostree=/y', 'root=z'])).toBe(once)
  })
})
