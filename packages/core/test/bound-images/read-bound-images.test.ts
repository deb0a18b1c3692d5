import { describe, expect, test } from 'vitest'
import { readBoundImages } from '../../src/index.js'
import { memoryDir } from '../../src/testing/index.js'

const linkDir = 'usr/lib/bootc/bound-images.d'

/** A root with units in quadlet's directory, and links to them. */
async function root(units: Readonly<Record<string, string>>, links: Readonly<Record<string, string>> = {}) {
  const dir = memoryDir({
    directories: [
      ...['usr', 'usr/lib', 'usr/lib/bootc', linkDir, 'usr/share', 'usr/share/containers'],
      'usr/share/containers/systemd',
    ],
  })
  for (const [name, text] of Object.entries(units)) {
    await dir.write(`usr/share/containers/systemd/${name}`, Buffer.from(text))
    if (links[name] === undefined)
      await dir.symlink(`/usr/share/containers/systemd/${name}`, `${linkDir}/${name}`)
  }
  for (const [name, target] of Object.entries(links)) await dir.symlink(target, `${linkDir}/${name}`)
  return dir
}

describe('bound images', () => {
  test('a root without the directory, and one with an empty directory, have none', async () => {
    expect(await readBoundImages(memoryDir())).toEqual([])
    expect(await readBoundImages(await root({}))).toEqual([])
  })

  test('images and containers are read in the order of their names, whatever else the units say', async () => {
    const dir = await root({
      'b.container':
        '# a comment\n[Unit]\nDescription=x\n[Container]\nExec=/bin/x \\\n# between\n  Image=no\nImage = quay.io/b/b:1\nImage=quay.io/b/b:2\n[Install]\nWantedBy=x\n',
      'a.image': `[Image]\nImage=quay.io/a/a@sha256:${'1'.repeat(64)}\nArch=arm64\nVariant=v8\n`,
    })
    expect(await readBoundImages(dir)).toEqual([
      {
        ...{
          image: `quay.io/a/a@sha256:${'1'.repeat(64)}`,
          file: 'a.image',
          architecture: 'arm64',
          variant: 'v8',
        },
        reference: { transport: 'registry', name: `quay.io/a/a@sha256:${'1'.repeat(64)}` },
      },
      {
        ...{ image: 'quay.io/b/b:2', file: 'b.container' },
        reference: { transport: 'registry', name: 'quay.io/b/b:2' },
      },
    ])
  })

  test('links lead where they would on the running system: relative, absolute, through directories that are links', async () => {
    const dir = await root(
      { 'a.image': '[Image]\nImage=docker://quay.io/a/a:1\n' },
      { 'a.image': '../../../../x/systemd/a.image' },
    )
    await dir.symlink('/usr/share/containers', 'x')
    expect((await readBoundImages(dir)).map(({ reference }) => reference.name)).toEqual(['quay.io/a/a:1'])
  })

  test('a container that names another unit is bound to the image of that one', async () => {
    const dir = await root({ 'a.container': '[Container]\nImage=app.image\n' })
    await dir.write('usr/share/containers/systemd/app.image', Buffer.from('[Image]\nImage=quay.io/app:1\n'))
    expect(await readBoundImages(dir)).toMatchObject([{ image: 'quay.io/app:1', file: 'a.container' }])
  })

  test.each([
    ['a.image', '[Image]\n', 'Missing Image field'],
    ['a.image', '[Image]\nImage=quay.io/a:1\nImage=\n', 'Missing Image field'],
    ['a.image', '[Container]\nImage=quay.io/a:1\n', 'Missing Image field'],
    ['a.container', '[Image]\nImage=quay.io/a:1\n', 'Missing Image field'],
    [
      'a.image',
      '[Image]\nImage=quay.io/a:1\nAuthFile=/x\n',
      'AuthFile is not supported by bound bootc images',
    ],
    ['a.image', '[Image]\nImage=quay.io/%a:1\n', 'Systemd specifiers are not supported'],
    ['a.image', '[Image]\nImage=quay.io/%%%a:1\n', 'Systemd specifiers are not supported'],
    ['a.image', '[Image]\nImage=quay.io/a:1%\n', 'Unterminated %'],
    ['a.image', '[Image]\nImage=quay.io/a:1\nArch=%a\n', 'Systemd specifiers are not supported'],
    ['a.image', '[Image]\nImage=quay.io/A a\n', 'Invalid image value'],
    ['a.image', '[Image]\nImage=quay.io/%%a:1\n', 'Invalid image value'],
    ['a.image', '[Image]\nImage=oci:/srv/layout\n', 'is of no registry'],
    ['a.volume', '[Volume]\n', 'Invalid file extension: a.volume'],
    ['a.container', '[Container]\nImage=app.build\n', 'is built on the machine'],
    ['a.container', '[Container]\nImage=app.image\n', 'is not beside it'],
  ])('%s of %j is refused: %s', async (name, text, problem) => {
    await expect(readBoundImages(await root({ [name]: text }))).rejects.toMatchObject({
      code: 'IMAGE_BOUND_INVALID',
      message: expect.stringContaining(problem) as string,
      details: { file: name },
    })
  })

  test('files that are no links, and links that lead nowhere or in circles, are refused', async () => {
    const plain = await root({})
    await plain.write(`${linkDir}/a.image`, Buffer.from('[Image]\nImage=quay.io/a:1\n'))
    await expect(readBoundImages(plain)).rejects.toThrow('Not a symlink: a.image')
    for (const target of ['./blah', 'a.image', '../../../../../../outside.image', '.']) {
      const dir = await root({}, { 'a.image': target })
      await expect(readBoundImages(dir), target).rejects.toMatchObject({ code: 'IMAGE_BOUND_INVALID' })
    }
  })
})
