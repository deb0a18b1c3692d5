import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { isBootcError } from '@bootc-sdk/core'
import { bytesSource } from '../../src/boot/byte-source.js'
import { peSections, readPe } from '../../src/boot/pe.js'
import { digestOfKernel, openUki } from '../../src/boot/uki.js'
import { goldenTree } from '../tree/golden-images.js'
import { at, failure } from '../tree/layers.js'
import { makePe } from './make-pe.js'

const invalid = 'BOOT_UKI_INVALID'
const sha256 = (...parts: string[]): string =>
  `sha256:${createHash('sha256').update(parts.join('')).digest('hex')}`

describe('PE files', () => {
  test('sections are as long as they are in memory', () => {
    const sections = readPe(makePe({ '.text': 'x', '.cmdline': 'root=x', '.initrd': 'i'.repeat(600) }))
    expect([...sections].map(([name, data]) => [name, data.length])).toEqual([
      ['.text', 1],
      ['.cmdline', 6],
      ['.initrd', 600],
    ])
    expect(Buffer.from(sections.get('.cmdline')!).toString()).toBe('root=x')
  })

  test('an optional header is passed over, and a name may have eight characters', () => {
    const sections = readPe(makePe({ '.cmdline': 'a', '.sbat': 'b' }, { optionalHeaderBytes: 240 }))
    expect([...sections.keys()]).toEqual(['.cmdline', '.sbat'])
  })

  test('of equal names the first counts, and a section without data is none', () => {
    const file = makePe({ '.linux': 'first', '.linuy': 'other', '.bss': 'z' })
    file.write('.linux', file.indexOf('.linuy'), 'latin1')
    const bss = file.indexOf('.bss')
    file.writeUInt32LE(0, bss + 20)
    file.writeUInt32LE(1 << 30, bss + 8)
    expect([...readPe(file)].map(([name, data]) => [name, Buffer.from(data).toString()])).toEqual([
      ['.linux', 'first'],
    ])
  })

  test('every truncation is refused, or leaves what was not cut', () => {
    const file = makePe({ '.cmdline': 'root=x', '.osrel': 'ID=x' })
    const end = file.lastIndexOf('ID=x') + 4
    for (let length = 0; length < file.length; length++) {
      try {
        const sections = readPe(file.subarray(0, length))
        expect(length).toBeGreaterThanOrEqual(end)
        expect(sections.size).toBe(2)
      } catch (error) {
        expect(isBootcError(error, invalid)).toBe(true)
        expect(length).toBeLessThan(end)
      }
    }
  })

  test('numbers that lie are refused', () => {
    const make = (change: (file: Buffer) => unknown): Buffer => {
      const file = makePe({ '.linux': 'x' })
      change(file)
      return file
    }
    const lies = [
      make((file) => file.writeUInt32LE(0xffffffff, 0x3c)),
      make((file) => file.writeUInt32LE(file.length - 4, 0x3c)),
      make((file) => file.writeUInt16LE(0xffff, 128 + 6)),
      make((file) => file.writeUInt16LE(0xffff, 128 + 20)),
      make((file) => file.writeUInt32LE(0xffffffff, file.indexOf('.linux') + 8)),
      make((file) => file.writeUInt32LE(0xffffffff, file.indexOf('.linux') + 20)),
      make((file) => file.write('NE', 128)),
    ]
    for (const file of lies) {
      expect(() => readPe(file)).toThrow(expect.objectContaining({ code: invalid }))
    }
  })

  test('the head is enough to find the sections', () => {
    const file = makePe({ '.linux': 'x'.repeat(200_000), '.initrd': 'y' })
    expect(peSections(file.subarray(0, 1024), file.length)).toEqual(peSections(file, file.length))
  })
})

describe('unified kernel images', () => {
  const file = makePe({
    '.osrel': 'ID=x\n',
    '.cmdline': 'root=x quiet\0\0',
    '.uname': '6.1.0',
    '.linux': 'kernel',
    '.initrd': 'initrd',
  })

  test('texts, and the digest of kernel and initrd', async () => {
    const uki = await openUki(bytesSource(file))
    expect(await uki.cmdline()).toBe('root=x quiet')
    expect(await uki.osRelease()).toBe('ID=x\n')
    expect(await uki.uname()).toBe('6.1.0')
    expect(await uki.bootDigest()).toBe(sha256('kernel', 'initrd'))
  })

  test('the digest is that of a kernel and an initrd in files', async () => {
    const source = (text: string) => bytesSource(Buffer.from(text))
    expect(await digestOfKernel(source('kernel'), source('initrd'))).toBe(sha256('kernel', 'initrd'))
    expect(await digestOfKernel(source('initrd'), source('kernel'))).not.toBe(sha256('kernel', 'initrd'))
  })

  test('an addon has a command line and nothing to boot', async () => {
    const addon = await openUki(bytesSource(makePe({ '.cmdline': 'debug' })))
    expect(await addon.cmdline()).toBe('debug')
    expect(await addon.uname()).toBeUndefined()
    expect(await failure(addon.bootDigest())).toEqual({ code: invalid, reason: 'it has no section .linux' })
  })

  test('a text of absurd length is not read', async () => {
    const uki = await openUki(bytesSource(makePe({ '.cmdline': 'x'.repeat(1 << 20) })))
    expect((await failure(uki.cmdline())).code).toBe(invalid)
  })

  test.each(['uki-legacy-karg', 'uki-v1-karg'])(
    '%s, which cfsctl read, has its command line',
    async (name) => {
      const { tree, objects } = await goldenTree(name, 'sha256')
      const directory = at(tree, 'boot/EFI/Linux')
      const [inode] = [...directory.children!.values()]
      const uki = await openUki(bytesSource(objects.get(inode!.digest)!))
      expect(await uki.cmdline()).toContain('composefs')
    },
  )
})
