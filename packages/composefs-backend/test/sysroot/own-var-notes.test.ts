import { memoryDir } from '@bootc-sdk/core/testing'
import { expect, test } from 'vitest'
import { ownVarNotes } from '../../src/sysroot/own-var-notes.js'

const conf = 'usr/lib/composefs/setup-root-conf.toml'
const parsers = ['usr/lib/dracut/modules.d/51bootc-sdk/parse.sh', 'usr/lib/bootc-sdk/initramfs/parse.sh']

async function codesOf(files: Readonly<Record<string, string>>): Promise<string[]> {
  const parents = new Set<string>()
  for (const path of Object.keys(files)) {
    const parts = path.split('/').slice(0, -1)
    parts.forEach((_, index) => parents.add(parts.slice(0, index + 1).join('/')))
  }
  const tree = memoryDir({ directories: [...parents] })
  for (const [path, text] of Object.entries(files)) await tree.write(path, Buffer.from(text))
  return (await ownVarNotes(tree)).map(({ code }) => code)
}

test.each(parsers)('a /var of its own is mounted where the initramfs looks into fstab (%s)', async (path) => {
  expect(await codesOf({ [path]: 'fstab_mounts() {\n' })).toEqual([])
  expect(await codesOf({ [path]: 'an older one\n' })).toEqual(['composefs:own-var'])
})

test('or where the initramfs leaves /var alone', async () => {
  expect(await codesOf({ [conf]: '[var]\nmount = "none"\n' })).toEqual([])
  expect(await codesOf({ [conf]: '[etc]\nmount = "none"\n' })).toEqual(['composefs:own-var'])
  expect(await codesOf({})).toEqual(['composefs:own-var'])
})
