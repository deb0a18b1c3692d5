import { isBootcError } from '@bootc-sdk/core'
import { memoryDir, memorySysroot, readText, simulateBoot } from '@bootc-sdk/core/testing'
import { expect, test } from 'vitest'

const code = (promise: Promise<unknown>) =>
  promise.then(
    () => 'nothing thrown',
    (error: unknown) => (isBootcError(error) ? error.code : String(error)),
  )

test('names of FAT are one in all cases, and keep the first', async () => {
  const dir = memoryDir({ fat: true })
  await dir.mkdir('EFI')
  await dir.write('efi/Boot.conf', Buffer.from('one'))
  await dir.write('EFI/BOOT.CONF', Buffer.from('two'))
  expect(await readText(dir, 'Efi/boot.conf')).toBe('two')
  const names: string[] = []
  for await (const { name } of dir.list('EFI')) names.push(name)
  expect(names).toHaveLength(1)
  await dir.remove('EFI/bOOT.conf')
  expect(await dir.stat('EFI/Boot.conf')).toBeUndefined()
  expect(await code(dir.mkdir('efi'))).toBe('TREE_EXISTS')
})

test('FAT has no links, owners or modes, and fewer characters', async () => {
  const dir = memoryDir({ fat: true })
  await dir.write('file', Buffer.from('x'))
  expect(await code(dir.symlink('file', 'link'))).toBe('TREE_UNSUPPORTED')
  expect(await code(dir.link('file', 'twin'))).toBe('TREE_UNSUPPORTED')
  expect(await code(dir.setMeta('file', { mode: 0o600 }))).toBe('TREE_PERMISSION')
  expect(await code(dir.setMeta('file', { uid: 1 }))).toBe('TREE_PERMISSION')
  for (const name of ['a:b', 'a?', 'a.', 'a ']) {
    expect(await code(dir.write(name, Buffer.from('x')))).toBe('TREE_INVALID_PATH')
  }
})

test('exchange on FAT is there, and can be taken away', async () => {
  const both = async (exchange: boolean) => {
    const dir = memoryDir({ fat: true, supports: { exchange } })
    await dir.mkdir('a')
    await dir.mkdir('b')
    await dir.write('a/x', Buffer.from('x'))
    return [await code(dir.rename('a', 'b', { exchange: true })), (await dir.stat('b/x')) !== undefined]
  }
  expect(await both(true)).toEqual(['nothing thrown', true])
  expect(await both(false)).toEqual(['TREE_UNSUPPORTED', false])
})

test('systemd-boot orders its menu by tries left, sort key, version and name, and leaves out what cannot start', async () => {
  const esp = memoryDir({ fat: true, directories: ['loader', 'loader/entries', 'k'] })
  await esp.write('k/linux', Buffer.from('kernel'))
  await esp.write('loader/entries.srel', Buffer.from('type1\n'))
  const entries = {
    'spent+0-3.conf': 'linux /k/linux\nsort-key a-0',
    'second.conf': 'linux /k/linux\nversion 2.9\nsort-key b-0',
    'first+2-1.conf': 'linux /k/linux\nversion 2.10\nsort-key b-0',
    'plain-1.conf': 'linux /k/linux',
    'plain-2.conf': 'linux /k/linux',
    'third.conf': 'linux /k/linux\nsort-key b-1',
    'gone.conf': 'linux /k/other\nsort-key a-0',
    'cut.conf': '',
    'old.conf.bak': 'linux /k/linux\nsort-key a-0',
  }
  for (const [name, text] of Object.entries(entries)) {
    await esp.write(`loader/entries/${name}`, Buffer.from(text === '' ? '' : `${text}\n`))
  }
  const sysroot = memorySysroot({ boot: esp })
  const { menu } = await simulateBoot(await withDeployment(sysroot), {
    roots: [
      {
        follow: async (root) => ({
          deployment: 'd',
          tree: root.sub('d'),
          etc: 'd/etc',
          varDir: 'v',
          marks: {},
        }),
      },
    ],
  })
  expect(menu.map(({ fileName }) => fileName)).toEqual([
    'first+2-1.conf',
    'second.conf',
    'third.conf',
    'plain-2.conf',
    'plain-1.conf',
    'spent+0-3.conf',
  ])
})

async function withDeployment(sysroot: ReturnType<typeof memorySysroot>): Promise<typeof sysroot> {
  for (const path of ['v', 'd', 'd/etc', 'd/usr', 'd/usr/lib', 'd/usr/lib/modules', 'd/usr/lib/modules/1']) {
    await sysroot.root.mkdir(path)
  }
  await sysroot.root.write('d/usr/lib/modules/1/vmlinuz', Buffer.from('kernel'))
  await sysroot.root.write('d/usr/lib/os-release', Buffer.from('VERSION_ID=1\n'))
  return sysroot
}
