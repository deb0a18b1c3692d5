import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import type { BootEntry } from '@bootc-sdk/core'
import { seededRandom } from '@bootc-sdk/core/testing'
import { printMenu } from '../../src/format/menu.js'
import { kernelWords, menuId, quoteWord } from '../../src/format/quote.js'
import { printStub } from '../../src/format/stub.js'

const hasTool = spawnSync('grub-script-check', ['--version']).status === 0
if (!hasTool && process.env['CI']) throw new Error('grub-script-check is missing')

const entry = (fields: Partial<BootEntry> = {}): BootEntry => ({
  ...{ fileName: 'ostree-1.conf', title: 'Edge OS', version: '1', options: 'rw quiet' },
  ...{ linux: '/ostree/a/vmlinuz', initrds: ['/ostree/a/initrd'], extra: [], ...fields },
})
const menu = (entries: readonly BootEntry[], foreign: readonly BootEntry[] = []) =>
  printMenu({ entries, foreign, environment: '"(${root})/grub/grubenv"', trialId: 'abc' })

/** Words of a line as a shell splits it that knows single quotes and a backslash outside them: GRUB's rules for these. */
function words(line: string): string[] {
  const found: string[] = []
  let word: string | undefined
  for (let at = 0; at < line.length; at++) {
    const char = line[at]!
    if (char === "'") {
      const end = line.indexOf("'", at + 1)
      if (end < 0) throw new Error(`no end of a quote in ${line}`)
      word = (word ?? '') + line.slice(at + 1, end)
      at = end
    } else if (char === '\\') word = (word ?? '') + line[++at]!
    else if (char === ' ') {
      if (word !== undefined) found.push(word)
      word = undefined
    } else if (/[$;&|<>{}"\n]/.test(char) && !/^[{}]$/.test(line.slice(at).trim())) {
      throw new Error(`${char} has a meaning in ${line}`)
    } else word = (word ?? '') + char
  }
  return word === undefined ? found : [...found, word]
}

function check(script: string): void {
  if (!hasTool) return
  const { status, stderr } = spawnSync('grub-script-check', { input: script, encoding: 'utf8' })
  expect(stderr).toBe('')
  expect(status).toBe(0)
}

test('a menu has ours first and in order, then those of other programs', () => {
  const text = menu(
    [entry({ fileName: 'ostree-2.conf', title: "Edge's OS 2" }), entry()],
    [entry({ fileName: 'memtest.conf', title: '', linux: 'memtest.bin', options: '', initrds: [] })],
  )
  expect(text.slice(text.indexOf('menuentry'))).toBe(
    [
      "menuentry 'Edge'\\''s OS 2' --id 'ostree-2' --unrestricted {",
      "  linux '/ostree/a/vmlinuz' 'rw' 'quiet'",
      "  initrd '/ostree/a/initrd'",
      '}',
      "menuentry 'Edge OS' --id 'ostree-1' --unrestricted {",
      "  linux '/ostree/a/vmlinuz' 'rw' 'quiet'",
      "  initrd '/ostree/a/initrd'",
      '}',
      "menuentry 'memtest' --id 'memtest' --unrestricted {",
      "  linux '/memtest.bin'",
      '}',
      '',
    ].join('\n'),
  )
  check(text)
})

test('programs of EFI are chained, and what starts nothing is left out', () => {
  const efi = entry({ initrds: [], extra: [['efi', '/EFI/tool.efi']], options: 'a "b c"' })
  const { linux: _none, ...program } = efi
  expect(menu([entry()], [program])).toContain("  chainloader '/EFI/tool.efi' 'a' 'b c'\n")
  expect(menu([entry()], [{ ...program, fileName: 'x.conf', extra: [] }])).not.toContain("'x'")
})

test('only an entry with another behind it counts down', () => {
  expect(menu([entry()])).not.toContain('boot_counter}')
  expect(menu([entry(), entry({ fileName: 'ostree-0.conf' })])).toContain("= 'abc'")
})

describe('nothing in an entry is a command', () => {
  const hostile = [
    ...[
      "'; reboot; '",
      '$(reboot)',
      '${root}',
      '"',
      '\\',
      "\\'",
      "'",
      '}',
      '{',
      '\n',
      '`x`',
      '#',
      '&',
      '|',
      ';',
      '<',
      '>',
    ],
    ...[
      'ü',
      '€',
      '😀',
      '\u0000',
      '\u0085',
      '\t',
      '*',
      '?',
      '!',
      '~',
      '%',
      '(hd0)',
      "'\\''",
      '\r\n}\nreboot\n{',
    ],
  ]
  test.each(hostile)('%j', (text) => {
    const evil = entry({
      fileName: `o${text}.conf`,
      title: text,
      options: `a=${text} b`,
      linux: `/${text}`,
      initrds: [text],
    })
    const script = menu([evil, entry()], [evil])
    check(script)
    for (const line of script.slice(script.indexOf('menuentry')).split('\n')) words(line)
  })

  test('of any characters', () => {
    const random = seededRandom(3)
    const pool = [...hostile, 'a', ' ', '=', '-']
    const any = () =>
      Array.from({ length: Math.floor(random() * 12) }, () => pool[Math.floor(random() * pool.length)]!).join(
        '',
      )
    const scripts: string[] = []
    for (let round = 0; round < 300; round++) {
      const [title, options, linux] = [any(), any(), any()]
      const script = menu([entry({ title, options, linux }), entry()])
      const lines = script.slice(script.indexOf('menuentry')).split('\n')
      const printable = (value: string) => value.replace(/[\0-\x1f\x7f]/g, ' ')
      expect(lines.filter((line) => line.startsWith('menuentry '))).toHaveLength(2)
      const [command, path, ...args] = words(lines[1]!.trim())
      expect([command, path]).toEqual(['linux', printable(`/${linux.replace(/^\/+/, '')}`)])
      expect(args).toEqual(kernelWords(options).map(printable))
      scripts.push(script)
    }
    check(scripts.join('\n'))
  })
})

test('quotes of arguments are for the kernel, and GRUB puts its own', () => {
  expect(kernelWords('a="b c" "d=e f"  g="h" i j="" k=l"m')).toEqual([
    'a=b c',
    'd=e f',
    'g=h',
    'i',
    'j=',
    'k=l"m',
  ])
})

test('a title is no option, and an id has nothing to quote', () => {
  expect(menu([entry({ title: '--users=root' })])).toContain("menuentry ' --users=root' ")
  expect(menuId("a>b'$ c.conf")).toBe('a_b___c')
  expect(quoteWord('')).toBe("''")
})

test.each([
  { uuid: '0d6b1f0e-6f0c-4d1a-9f57-0a6a1c2f3b4d', bootPrefix: '/boot/', grubDir: 'grub' },
  { label: "it's", bootPrefix: '/', grubDir: 'grub2' },
  { bootPrefix: '/boot/', grubDir: 'grub' },
] as const)('the configuration that never changes is a script: %j', (stub) => {
  const text = printStub({ ...stub, timeoutSeconds: 1 })
  expect(text).toMatch(/^# Boot configuration made by bootc-sdk/)
  check(text)
})
