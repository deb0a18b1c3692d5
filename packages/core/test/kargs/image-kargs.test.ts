import { describe, expect, test } from 'vitest'
import { isBootcError } from '../../src/errors.js'
import { kargsDir, mergeImageKargs, parseKargsToml, readImageKargs } from '../../src/kargs/index.js'
import { memoryDir } from '../../src/testing/index.js'
import type { Dir } from '../../src/interfaces/index.js'

async function imageWith(files: Record<string, string | Uint8Array>): Promise<Dir> {
  const dir = memoryDir()
  let path = ''
  for (const part of kargsDir.split('/')) await dir.mkdir((path = path === '' ? part : `${path}/${part}`))
  for (const [name, text] of Object.entries(files)) {
    await dir.write(`${kargsDir}/${name}`, typeof text === 'string' ? Buffer.from(text) : text)
  }
  return dir
}

describe('kargs.d of an image', () => {
  test('files apply in byte order of their names, words are kept once', async () => {
    const tree = await imageWith({
      '20-b.toml': 'kargs = ["quiet", "b=2"]',
      '10-a.toml': 'kargs = ["console=tty0 console=ttyS0", "quiet"]',
      'Z.toml': 'kargs = ["first=upper-case"]',
      README: 'not read',
      'x.toml.bak': 'not = read',
    })
    expect(await readImageKargs(tree, 'amd64')).toEqual([
      'console=tty0',
      'console=ttyS0',
      'quiet',
      'b=2',
      'first=upper-case',
    ])
  })

  test('no directory means no arguments', async () => {
    expect(await readImageKargs(memoryDir(), 'amd64')).toEqual([])
  })

  test.each([
    ['amd64', ['x']],
    ['x86_64', ['x']],
    ['arm64', []],
    ['ppc64le', ['p']],
    ['riscv64', ['r']],
  ])('architecture %s matches by its Rust name', async (arch, kargs) => {
    const tree = await imageWith({
      'a.toml': 'kargs = ["x"]\nmatch-architectures = ["x86_64"]',
      'b.toml': 'kargs = ["p"]\nmatch-architectures = ["powerpc64", "s390x"]',
      'c.toml': 'match-architectures = ["riscv64"]\nkargs = ["r"]',
      'd.toml': 'match-architectures = []\nkargs = ["never"]',
    })
    expect(await readImageKargs(tree, arch)).toEqual(kargs)
  })

  test.each([
    ['an unknown key', 'kargs = []\nfoo = 1'],
    ['no kargs', 'match-architectures = ["x86_64"]'],
    ['a string for kargs', 'kargs = "quiet"'],
    ['a number in kargs', 'kargs = ["a", 1]'],
    ['architectures that are no list', 'kargs = []\nmatch-architectures = "x86_64"'],
    ['no TOML', 'kargs = ['],
    ['an empty file', ''],
    ['bytes that are not UTF-8', Uint8Array.of(0x23, 0xff)],
  ])('%s is an error that names the file', async (_, text) => {
    const tree = await imageWith({ '10-bad.toml': text })
    const error: unknown = await readImageKargs(tree, 'amd64').catch((caught: unknown) => caught)
    expect(isBootcError(error, 'IMAGE_KARGS_INVALID')).toBe(true)
    expect(String(error)).toContain('/usr/lib/bootc/kargs.d/10-bad.toml')
  })

  test('a file for other architectures is checked all the same', () => {
    expect(() => parseKargsToml('match-architectures = ["s390x"]', 'amd64', 'f.toml')).toThrow(/kargs/)
  })
})

describe('arguments across an upgrade', () => {
  test('local ones survive, those of the image follow the image', () => {
    const current = ['root=UUID=1', 'quiet', 'local=1', 'a=1', 'ostree=/x']
    expect(mergeImageKargs(current, ['quiet', 'a=1'], ['quiet', 'a=2'])).toEqual([
      'root=UUID=1',
      'quiet',
      'local=1',
      'ostree=/x',
      'a=2',
    ])
  })

  test('one that was deleted on the machine stays deleted while the image keeps it', () => {
    expect(mergeImageKargs(['rw'], ['quiet'], ['quiet', 'new'])).toEqual(['rw', 'new'])
  })

  test('an image without kargs.d takes the arguments of its predecessor away', () => {
    expect(mergeImageKargs(['rw', 'quiet', 'a=1'], ['quiet', 'a=1'], [])).toEqual(['rw'])
  })

  test('what is there already is not added twice', () => {
    expect(mergeImageKargs(['rw', 'dash-ed'], [], ['dash_ed', 'rw'])).toEqual(['rw', 'dash-ed'])
  })
})
