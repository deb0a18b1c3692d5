import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { shells, withParser } from './shells.js'

const h128 = 'ab'.repeat(64)
const g128 = 'cd'.repeat(64)
const h64 = 'ef'.repeat(32)
const dir = mkdtempSync(join(tmpdir(), 'bootc-sdk-parse-'))
afterAll(() => rmSync(dir, { recursive: true }))

describe.each(shells)('in %s', (shell) => {
  const candidates = (cmdline: string) => {
    const { out, status } = withParser(
      shell,
      'candidates "$1" || { printf "%s" "$problem"; exit 2; }',
      cmdline,
    )
    return status === 0 ? out.split('\n').filter(Boolean) : out
  }

  test.each([
    ['composefs alone', `root=LABEL=root rw composefs=${h128} quiet\n`, [`required ${h128}`]],
    ['fs-verity optional', `composefs=?${h64}`, [`optional ${h64}`]],
    ['the spelling of newer tools', `a composefs.digest=v1-sha512-12:${h128} b`, [`required ${h128}`]],
    ['the same, optional', `composefs.digest=?v2-sha256-12:${h64}`, [`optional ${h64}`]],
    [
      'both: the explicit one first',
      `composefs=${h128} composefs.digest=?v1-sha512-12:${g128}`,
      [`optional ${g128}`, `required ${h128}`],
    ],
    ['upper case', `composefs=${h128.toUpperCase()}`, [`required ${h128}`]],
    ['several', `composefs=${h128}\tcomposefs=?${g128}`, [`required ${h128}`, `optional ${g128}`]],
    [
      'white space in quotes does not separate',
      `x="a composefs=${g128} b" composefs=${h128}`,
      [`required ${h128}`],
    ],
    ['a word may be quoted in the middle', `dyndbg="file a b"c composefs=${h128}`, [`required ${h128}`]],
    ['an open quote reaches to the end', `x="a composefs=${h128}`, []],
    ['other arguments with a similar name', `xcomposefs=1 composefsx=2 composefs.x=3 composefs`, []],
    ['globs and commands are text', `* $(id) \`id\` ; composefs=${h128} [a-z]* ~`, [`required ${h128}`]],
    ['nothing', ' \n', []],
  ])('%s', (_name, cmdline, expected) => {
    expect(candidates(cmdline)).toEqual(expected)
  })

  test.each([
    ['a short digest', `composefs=${h128.slice(1)}`],
    ['no digest', 'composefs='],
    ['two question marks', `composefs=??${h128}`],
    ['a path', `composefs=../../${h128.slice(6)}`],
    ['quotes around the value', `composefs="${h128}"`],
    ['another block size', `composefs.digest=v1-sha512-16:${h128}`],
    ['the length of another algorithm', `composefs.digest=v1-sha512-12:${h64}`],
    ['an unknown algorithm', `composefs.digest=v1-md5-12:${h64}`],
    ['a bare digest in the explicit spelling', `composefs.digest=${h128}`],
    ['a good one beside it', `composefs=${h128} composefs=${h64}0`],
  ])('an error: %s', (_name, cmdline) => {
    expect(candidates(cmdline)).toMatch(/(^|\n)is not /)
  })

  const config = (text: string, cmdline = '') => {
    const file = join(dir, 'conf.toml')
    writeFileSync(file, text, 'latin1')
    const script = `
      read_config "$1" && mount_kinds "$2" || { printf '%s' "$problem"; exit 2; }
      printf '%s' "root=$root_transient etc=$etc_kind var=$var_kind"`
    const { out } = withParser(shell, script, file, cmdline)
    return out
  }

  test.each([
    ['', 'root= etc=bind var=bind'],
    ['[etc]\nmount = "overlay"\n[var]\nmount=\'none\'', 'root= etc=overlay var=none'],
    ['[etc]\r\n transient = true # until reboot\r\n', 'root= etc=transient var=bind'],
    ['[etc]\nmount = "bind" # wins\ntransient = true', 'root= etc=bind var=bind'],
    ['[root]\ntransient = true\n[etc]\nmount = "root"', 'root=true etc=none var=bind'],
    ['[ var ] # comment\nmount = "volatile"\n', 'root= etc=bind var=transient'],
    ['# c\n\n[other]\nmount = "x"\n[[etc]]\nmount = "y"\n[etc.sub]\nmount=1\n', 'root= etc=bind var=bind'],
    ['[etc]\ncolour = "red"\nlist = ["a", "b"]\n', 'root= etc=bind var=bind'],
    ['[root]\ntransient = false', 'root=false etc=bind var=bind'],
  ])('settings %#', (text, expected) => {
    expect(config(text)).toBe(expected)
  })

  test.each([
    [
      '[etc]\nmount = "sideways"',
      'line 2 of the configuration: mount is "none", "bind", "overlay" or "transient"',
    ],
    ['[etc]\nmount = bind', 'line 2 of the configuration: mount is'],
    ['[etc]\nmount = "bind" x', 'line 2 of the configuration: mount is'],
    ['[etc]\nmount = "$(touch /tmp/x)"', 'line 2 of the configuration: mount is'],
    ['[etc]\ntransient = yes', 'line 2 of the configuration: transient is true or false'],
    ['etc.mount = "none"', 'line 1 of the configuration sets "etc.mount" outside of a section'],
    ['etc = { mount = "none" }', 'line 1 of the configuration sets "etc" outside of a section'],
    ['["etc"]\nmount = "none"', "line 1 of the configuration has quotes in a section's name"],
    ['[etc\n', 'line 1 of the configuration has a section without'],
    ['[etc]\n"mount" = "none"', 'line 2 of the configuration has a quoted or dotted key'],
    ['[etc]\nmount = "none"\nmount = "bind"', 'line 3 of the configuration sets mount a second time'],
    ['[x]\na = """\n[etc]\n"""', 'line 2 of the configuration may go on'],
    ['[x]\na = [\n"[etc]"\n]', 'line 2 of the configuration may go on'],
    ['mount', 'line 1 of the configuration is neither'],
    [
      '[root]\ntransient = true\n[etc]\ntransient = true',
      'a transient root cannot have a mount of the kind transient',
    ],
  ])('refused settings %#', (text, expected) => {
    expect(config(text)).toContain(expected)
  })

  test('systemd.volatile leaves /var to systemd unless the configuration says otherwise', () => {
    expect(config('', 'systemd.volatile=state')).toBe('root= etc=bind var=none')
    expect(config('', 'systemd.volatile=overlay')).toBe('root= etc=bind var=none')
    expect(config('', 'systemd.volatile=no')).toBe('root= etc=bind var=bind')
    expect(config('[var]\nmount = "bind"', 'systemd.volatile=state')).toBe('root= etc=bind var=bind')
  })

  test.each([
    ['a line of its own', '# /var\nUUID=1 / ext4\n UUID=2\t/var ext4 defaults 0 2\n', true],
    ['the last line, not ended, with a slash', 'UUID=2 /var/', true],
    ['a comment', '#UUID=2 /var ext4 defaults 0 2\n', false],
    ['something below', 'UUID=2 /var/home ext4 defaults 0 2\nUUID=3 /variant xfs\n', false],
    ['not at boot', 'UUID=2 /var ext4 rw,noauto,x 0 2\n', false],
    ['an option that only looks so', 'UUID=2 /var ext4 x-noauto 0 2\n', true],
    ['patterns and commands', '* /va? ext4\n$(false) `false` ext4\n', false],
    ['nothing', '', false],
  ])('fstab: %s', (_what, text, expected) => {
    const path = join(dir, 'fstab')
    writeFileSync(path, text)
    expect(withParser(shell, 'fstab_mounts "$1" /var', path).status === 0).toBe(expected)
    expect(withParser(shell, 'fstab_mounts "$1" /var', join(dir, 'absent')).status).toBe(1)
  })
})

test('words are split as the rule says, whatever bytes there are', () => {
  const printable = fc.string({
    unit: fc.constantFrom('a', '"', ' ', '\t', '=', '*', '$', '\\', "'", '`', '\xff', '?', '[', ']', '-'),
    maxLength: 40,
  })
  fc.assert(
    fc.property(printable, (text) => {
      const { out } = withParser('sh', `rest=$1; while take_word; do printf '<%s>' "$word"; done`, text)
      const words = text.match(/(?:"[^"]*(?:"|$)|[^ \t"])+/g) ?? []
      expect(out).toBe(Buffer.from(words.map((word) => `<${word}>`).join('')).toString('latin1'))
    }),
    { numRuns: 150 },
  )
})
