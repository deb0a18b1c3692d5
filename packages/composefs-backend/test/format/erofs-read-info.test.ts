import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { infoLs, infoMissingObjects, infoObjects } from '../../src/format/erofs/read-info.js'
import { readErofs } from '../../src/format/erofs/read.js'
import { readGolden } from './golden-images.js'

const directory = new URL('../golden/composefs-info/', import.meta.url)
const files = readdirSync(directory)
const open = (name: string) => readErofs(readGolden(`${name}.erofs.gz`))
const textOf = (lines: Iterable<string>) => [...lines].map((line) => `${line}\n`).join('')
const named = (suffix: string) =>
  files.filter((file) => file.endsWith(suffix)).map((file) => file.slice(0, -suffix.length))

describe('the text of composefs-info', () => {
  it.each(named('.ls'))('ls of %s', (name) => {
    expect(textOf(infoLs(open(name)))).toBe(readFileSync(new URL(`${name}.ls`, directory), 'latin1'))
  })

  it.each(named('.objects'))('objects of %s', (name) => {
    expect(textOf(infoObjects(open(name)))).toBe(
      readFileSync(new URL(`${name}.objects`, directory), 'latin1'),
    )
  })

  it('missing-objects are the objects that a store has not', async () => {
    const image = open('23-os-like.c-default')
    const [first, ...rest] = infoObjects(image)
    expect(await infoMissingObjects(image, (path) => Promise.resolve(path === first))).toEqual(rest)
    expect(await infoMissingObjects(image, () => true)).toEqual([])
  })
})
