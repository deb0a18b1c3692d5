import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { seededRandom } from '@bootc-sdk/core/testing'
import {
  changeEnvironment,
  emptyEnvironment,
  parseEnvironment,
  printEnvironment,
} from '../../src/format/environment.js'

const hasTool = spawnSync('grub-editenv', ['--version']).status === 0
if (!hasTool && process.env['CI']) throw new Error('grub-editenv is missing')
const dirs: string[] = []
afterEach(() => dirs.splice(0).forEach((dir) => rmSync(dir, { recursive: true })))
const scratch = () => {
  dirs.push(mkdtempSync(join(tmpdir(), 'grubenv-')))
  return join(dirs.at(-1)!, 'grubenv')
}

test('an environment is 1024 bytes whatever is in it, and keeps what it does not know', () => {
  const before = changeEnvironment(emptyEnvironment, { saved_entry: 'a=b', kernelopts: 'root=x\\y' })
  const data = printEnvironment(changeEnvironment(before, { boot_counter: '3', saved_entry: undefined }))
  expect(data).toHaveLength(1024)
  expect(data.toString('latin1')).toMatch(
    /^# GRUB Environment Block\nkernelopts=root=x\\\\y\nboot_counter=3\n#+$/,
  )
  expect([...parseEnvironment(data)!.variables]).toEqual([
    ['kernelopts', 'root=x\\y'],
    ['boot_counter', '3'],
  ])
})

test.each([
  ['an empty file', Buffer.alloc(0)],
  ['zeros', Buffer.alloc(1024)],
  ['half a file', printEnvironment(emptyEnvironment).subarray(0, 512)],
  ['another file', Buffer.alloc(1024, 'boot_counter=3\n')],
])('%s is no environment', (_name, data) => {
  expect(parseEnvironment(data)).toBeUndefined()
})

test('what does not fit is refused', () => {
  const full = changeEnvironment(emptyEnvironment, { a: 'x'.repeat(1100) })
  expect(() => printEnvironment(full)).toThrow(expect.objectContaining({ code: 'BOOT_ENVIRONMENT_FULL' }))
})

test('a line without an end, and one without a name, say nothing', () => {
  const text = '# GRUB Environment Block\n=x\nok=1\nhalf=2'
  expect([...parseEnvironment(Buffer.from(text.padEnd(1024, 'z')))!.variables]).toEqual([['ok', '1']])
})

test('any variables survive', () => {
  const random = seededRandom(7)
  for (let round = 0; round < 200; round++) {
    const variables = new Map<string, string>()
    for (let i = 0; i < 4; i++) {
      const bytes = Array.from({ length: Math.floor(random() * 40) }, () => 1 + Math.floor(random() * 255))
      variables.set(`v${i}`, Buffer.from(bytes).toString('latin1'))
    }
    const data = printEnvironment({ comments: [], variables })
    expect(parseEnvironment(data)!.variables).toEqual(variables)
  }
})

test.skipIf(!hasTool)('grub-editenv reads what we write, and we what it writes', () => {
  const path = scratch()
  writeFileSync(path, printEnvironment(changeEnvironment(emptyEnvironment, { a: 'b c', d: 'e\\f' })))
  expect(execFileSync('grub-editenv', [path, 'list'], { encoding: 'utf8' })).toBe('a=b c\nd=e\\f\n')
  execFileSync('grub-editenv', [path, 'set', 'boot_counter=2', 'x=y\\z'])
  const found = parseEnvironment(readFileSync(path))!
  expect([...found.variables]).toEqual([
    ['a', 'b c'],
    ['d', 'e\\f'],
    ['boot_counter', '2'],
    ['x', 'y\\z'],
  ])
  execFileSync('grub-editenv', [path, 'create'])
  const created = readFileSync(path)
  expect(printEnvironment(parseEnvironment(created)!).equals(created)).toBe(true)
})
