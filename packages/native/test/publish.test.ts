import { mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { addon, describeNative, scratch } from './support.js'

describeNative('publish and readFiles', () => {
  const dir = scratch()
  let count = 0
  /** A staging and an objects directory with these files in them. */
  function place(staged: Record<string, string>, present: Record<string, string> = {}) {
    const root = join(dir, String(count++))
    const staging = join(root, 'staging')
    const objects = join(root, 'objects')
    for (const [base, files] of [
      [staging, staged],
      [objects, present],
    ] as const) {
      mkdirSync(base, { recursive: true })
      for (const [name, content] of Object.entries(files)) {
        mkdirSync(dirname(join(base, name)), { recursive: true })
        writeFileSync(join(base, name), content)
      }
    }
    return { staging, objects }
  }
  const filesIn = (path: string) =>
    readdirSync(path, { recursive: true, encoding: 'utf8' })
      .filter((name) => statSync(join(path, name)).isFile())
      .sort()

  test('moves what is named and leaves the rest', async () => {
    const { staging, objects } = place({
      'aa/1.file': 'one',
      'aa/2.file': 'two',
      'bb/3.file': 'three',
      'cc/4.file': 'no',
    })
    const result = await addon.publish(staging, objects, ['bb/3.file', 'aa/1.file', 'aa/2.file', 'aa/1.file'])
    expect(result).toEqual({ moved: 3 })
    expect(filesIn(objects)).toEqual(['aa/1.file', 'aa/2.file', 'bb/3.file'])
    expect(filesIn(staging)).toEqual(['cc/4.file'])
    expect(readFileSync(join(objects, 'aa/2.file'), 'utf8')).toBe('two')
  })

  test('moves only what is named out of a directory that holds more', async () => {
    const { staging, objects } = place({ 'aa/1.file': 'one', 'aa/2.file': 'two' })
    await addon.publish(staging, objects, ['aa/2.file'])
    expect(filesIn(objects)).toEqual(['aa/2.file'])
    expect(filesIn(staging)).toEqual(['aa/1.file'])
  })

  test('an object that exists wins, unless it is to be replaced', async () => {
    const { staging, objects } = place(
      { 'aa/1.file': 'new', 'aa/2.commitmeta': 'new', 'bb/3.commitmeta': 'new' },
      { 'aa/1.file': 'old', 'aa/2.commitmeta': 'old' },
    )
    expect(
      await addon.publish(staging, objects, ['aa/1.file'], ['aa/2.commitmeta', 'bb/3.commitmeta']),
    ).toEqual({ moved: 2 })
    expect(readFileSync(join(objects, 'aa/1.file'), 'utf8')).toBe('old')
    expect(readFileSync(join(objects, 'aa/2.commitmeta'), 'utf8')).toBe('new')
    expect(readFileSync(join(objects, 'bb/3.commitmeta'), 'utf8')).toBe('new')
    expect(filesIn(staging)).toEqual([])
  })

  test('the writer goes on after its directories were moved away', async () => {
    const { staging, objects } = place({})
    const writer = addon.createObjectWriter({ stagingDir: staging, existing: [objects], threads: 1 })
    const spec = { hashPrefix: Buffer.from('x'), mode: 0o644 }
    for (const suffix of ['.a', '.b']) {
      writer.put({ ...spec, suffix }, Buffer.from('same'), 0, 4)
      const results = await writer.finish()
      const name = results.at(-1)!.name!
      await addon.publish(staging, objects, [name])
    }
    writer.close()
    expect(filesIn(objects)).toHaveLength(2)
  })

  test('names the object that is not there, and refuses names that leave', async () => {
    const { staging, objects } = place({}, { 'aa/1.file': 'x' })
    await expect(addon.publish(staging, objects, ['aa/9.file'])).rejects.toMatchObject({
      code: 'ENOENT',
      path: 'aa/9.file',
    })
    await expect(addon.publish(staging, objects, ['bb/9.file'])).rejects.toMatchObject({ code: 'ENOENT' })
    for (const name of ['../x', 'aa/../b', '/etc/passwd', 'aa', '']) {
      expect(() => addon.publish(staging, objects, [name])).toThrow(/not an object/)
    }
  })

  test('reads many files in order; a missing one is undefined, a large one an error', async () => {
    const files = Object.fromEntries(
      Array.from({ length: 700 }, (_, i) => [`${(i % 7) + 10}/${i}`, 'x'.repeat(i)]),
    )
    const { staging } = place(files)
    const names = [...Object.keys(files), '10/missing', 'zz/missing']
    const contents = await addon.readFiles(staging, names, 699)
    names.forEach((name, i) => expect(contents[i]?.toString()).toBe(files[name]))
    await expect(addon.readFiles(staging, names, 600)).rejects.toMatchObject({ code: 'EFBIG' })
    await expect(addon.readFiles(join(staging, 'none'), [], 1)).rejects.toMatchObject({ code: 'ENOENT' })
    expect(await addon.readFiles(staging, [], 1)).toEqual([])
  })
})
