import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { baseName } from '@bootc-sdk/core/names'
import type { TarMember } from '@bootc-sdk/core/tar'
import { findBootEntries } from '../../src/boot/entries.js'
import type { ImageBootEntry } from '../../src/boot/entries.js'
import type { ReadFile } from '../../src/tree/read-file.js'
import { goldenOci, goldenTree } from '../tree/golden-images.js'
import { dir, failure, file, layered } from '../tree/layers.js'

const readInline: ReadFile = (inode) => Promise.resolve(inode.content ?? new Uint8Array(0))

async function entriesOf(members: readonly TarMember[]): Promise<ImageBootEntry[]> {
  const parents = members.flatMap(({ name }) =>
    name.split('/').map((_, index, all) => all.slice(0, index).join('/')),
  )
  const directories = [...new Set(parents)].filter((name) => name !== '').sort()
  return findBootEntries(await layered([[...directories.map((name) => dir(name)), ...members]]), readInline)
}

describe('what an image can boot by', () => {
  test('nothing, without any of the directories', async () => {
    expect(await entriesOf([dir('usr')])).toEqual([])
  })

  test('entries, then unified kernels, then kernels, each in byte order', async () => {
    const found = await entriesOf([
      file('usr/lib/modules/6.1/vmlinuz'),
      file('usr/lib/modules/6.1/initramfs.img'),
      file('usr/lib/modules/5.9/vmlinuz'),
      file('usr/lib/modules/6.1/uki.efi'),
      file('usr/lib/modules/none/other'),
      file('usr/lib/os-release', 'ID=x'),
      file('boot/EFI/Linux/b.efi'),
      file('boot/EFI/Linux/a.efi'),
      file('boot/EFI/Linux/a.efi.extra.d/x.addon.efi'),
      file('boot/EFI/Linux/readme'),
      file('boot/loader/entries/z.conf', 'linux /boot/k\ninitrd /boot/i1\n'),
      file('boot/loader/entries/y.conf', 'title y\nefi /boot/k\n'),
      file('boot/loader/entries/ignored'),
      file('boot/k'),
      file('boot/i1'),
    ])
    expect(found.map((entry) => (entry.kind === 'kernel' ? entry.kernel.path : entry.file.path))).toEqual([
      'boot/loader/entries/y.conf',
      'boot/loader/entries/z.conf',
      'boot/EFI/Linux/a.efi',
      'boot/EFI/Linux/a.efi.extra.d/x.addon.efi',
      'boot/EFI/Linux/b.efi',
      'usr/lib/modules/6.1/uki.efi',
      'usr/lib/modules/5.9/vmlinuz',
      'usr/lib/modules/6.1/vmlinuz',
    ])
    expect(found.map(({ kind }) => kind)).toEqual([
      ...['type1', 'type1', 'uki', 'uki-addon', 'uki', 'uki', 'kernel', 'kernel'],
    ])
    expect(found[1]).toMatchObject({ entry: { linux: '/boot/k', initrds: ['/boot/i1'] } })
    const type1 = found[1] as Extract<ImageBootEntry, { kind: 'type1' }>
    expect([...type1.files].map(([text, { path }]) => [text, path])).toEqual([
      ['/boot/k', 'boot/k'],
      ['/boot/i1', 'boot/i1'],
    ])
    expect(found[3]).toMatchObject({ name: 'a.efi.extra.d/x.addon.efi' })
    expect(found[5]).toMatchObject({ name: 'uki.efi', kernelVersion: '6.1' })
    expect(found[6]).not.toHaveProperty('initrd')
    expect(found[7]).toMatchObject({
      kernelVersion: '6.1',
      initrd: { path: 'usr/lib/modules/6.1/initramfs.img' },
      osRelease: { path: 'usr/lib/os-release' },
    })
  })

  test('a kernel that is a link is none', async () => {
    const link = { name: 'usr/lib/modules/6.1/vmlinuz', type: 'symlink', linkName: 'x' } as const
    expect(await entriesOf([link])).toEqual([])
  })

  test.each([
    [[file('boot/loader/entries/a.conf', 'linux /none\n')], 'names "/none", which is not there'],
    [[file('boot/loader/entries/a.conf', 'linux /boot/../usr\n')], 'which is not there'],
    [[file('boot/loader/entries/a.conf', 'linux /boot\n')], '/boot is not a regular file'],
    [[dir('boot/loader/entries/a.conf')], 'is not a regular file'],
    [[{ name: 'boot/EFI/Linux/a.efi', type: 'symlink', linkName: 'x' } as const], 'is not a regular file'],
    [[file('boot/loader/entries')], 'is not a directory'],
    [[{ name: 'boot', type: 'symlink', linkName: 'usr' } as const], 'is not a directory'],
  ])('%j is refused', async (members, reason) => {
    const result = await failure(entriesOf(members))
    expect(result.code).toBe('STORE_COMPOSEFS_NOT_BOOTABLE')
    expect(result.reason).toContain(reason)
  })

  test('the kernel of an image from which cfsctl prepared a boot directory', async () => {
    const { tree, readFile, objects } = await goldenTree('bootable', 'sha512')
    const [entry, ...others] = await findBootEntries(tree, readFile)
    expect(others).toEqual([])
    const listing = readFileSync(new URL('boot/listing.txt', goldenOci), 'utf8')
    const { kernelVersion, kernel, initrd } = entry as Extract<ImageBootEntry, { kind: 'kernel' }>
    for (const { path, inode } of [kernel, initrd!]) {
      const sha256 = createHash('sha256').update(objects.get(inode.digest)!).digest('hex')
      const line = `boot-bootable/${kernelVersion}/${baseName(path)} ${Number(inode.size)} ${sha256}`
      expect(listing.split('\n')).toContain(line)
    }
  })
})
