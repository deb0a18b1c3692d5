import { describe, expect, it } from 'vitest'
import type { Dir } from '@bootc-sdk/core'
import {
  initComposefsRepo,
  openComposefsRepo,
  type ComposefsRepo,
  type RepoFsck,
} from '../../src/repo/index.js'
import { directory, Inode, S_IFREG } from '../../src/tree/inode.js'
import { backings, readAll } from './backings.js'

interface Filled {
  readonly dir: Dir
  readonly repo: ComposefsRepo
  readonly file: string
  readonly layer: string
  readonly manifest: string
  readonly image: string
  readonly imageFile: string
}

async function fill(dir: Dir, repo: ComposefsRepo): Promise<Filled> {
  await using transaction = await repo.begin()
  const file = await transaction.putObject(Buffer.alloc(5000, 'file'))
  const imageFile = await transaction.putObject(Buffer.alloc(6000, 'image file'))
  const stream = transaction.splitstream(1n)
  stream.inline(Buffer.alloc(3000, 'some head'))
  stream.external(file, 5000)
  const layer = await stream.finish()
  const root = directory()
  const inode = new Inode(S_IFREG | 0o644)
  const payload = `${imageFile.slice(0, 2)}/${imageFile.slice(2)}`
  Object.assign(inode, { size: 6000, digest: imageFile, payload, nlink: 1 })
  root.children!.set('file', inode)
  root.nlink = 2
  const image = await transaction.putImage({ root })
  const second = transaction.splitstream(2n)
  second.namedRef('sha256:layer', layer)
  second.inline(Buffer.from('manifest'))
  const manifest = await second.finish()
  transaction.setStream('layer', layer)
  transaction.setStream('manifest', manifest)
  transaction.setRef('streams', 'oci/tag', 'manifest')
  transaction.setRef('images', 'os/main', image)
  await transaction.commit()
  return { dir, repo, file, layer, manifest, image, imageFile }
}

const at = (id: string) => `objects/${id.slice(0, 2)}/${id.slice(2)}`

const kinds = ({ problems }: RepoFsck) => problems.map(({ kind, path }) => `${kind}: ${path}`).sort()

/** Change some bytes of a file in place of it. */
async function spoil(dir: Dir, path: string, change: (bytes: Buffer) => Buffer): Promise<void> {
  const bytes = change(await readAll(dir.read(path)))
  await dir.remove(path)
  await dir.write(path, bytes)
}

/** Point a link of streams/ or images/ to other bytes. */
async function replaceObject(filled: Filled, link: string, bytes: Uint8Array): Promise<string> {
  await using transaction = await filled.repo.begin()
  const id = await transaction.putObject(bytes)
  await transaction.commit()
  await filled.dir.remove(link)
  await filled.dir.symlink(`../${at(id)}`, link)
  return id
}

describe.each(backings)('fsck, in $name', ({ make, native }) => {
  async function damaged(
    work: (filled: Filled) => Promise<unknown>,
    metadataOnly = false,
  ): Promise<RepoFsck> {
    await using place = await make()
    await using repo = await initComposefsRepo(place.dir, { native, requireVerity: false })
    const filled = await fill(place.dir, repo)
    expect((await repo.fsck()).problems).toEqual([])
    await work(filled)
    await using again = await openComposefsRepo(place.dir, { native })
    return await again.fsck({ metadataOnly })
  }

  it('finds an object with other bytes, and one that was cut', async () => {
    for (const change of [
      (bytes: Buffer) => Buffer.concat([Buffer.from('X'), bytes.subarray(1)]),
      (bytes: Buffer) => bytes.subarray(0, 4096),
      () => Buffer.alloc(0),
    ]) {
      let path = ''
      const report = await damaged(async ({ dir, file }) => spoil(dir, (path = at(file)), change))
      expect(report.objects).toEqual({ checked: 5, bad: 1 })
      expect(kinds(report)).toContain(`object-digest-mismatch: ${path}`)
      const [problem] = report.problems
      if (problem!.kind === 'object-digest-mismatch') expect(problem!.message).toMatch(/[0-9a-f]{128}/)
    }
  })

  it('looks at the bytes of objects only when it is to', async () => {
    const report = await damaged(
      ({ dir, imageFile }) => spoil(dir, at(imageFile), (bytes) => bytes.fill('x')),
      true,
    )
    expect(report).toMatchObject({ objects: { checked: 0, bad: 0 }, problems: [], metadata: true })
  })

  it('finds names in objects/ that are none, and objects that are no files', async () => {
    const { problems, objects } = await damaged(async ({ dir, file }) => {
      await dir.mkdir('objects/no-prefix')
      await dir.write(`objects/${file.slice(0, 2)}/x`, Buffer.from('x'))
      await dir.write(`objects/${file.slice(0, 2)}/${'AB'.repeat(63)}`, Buffer.from('x'))
      await dir.symlink('/etc/passwd', `objects/${file.slice(0, 2)}/${'ab'.repeat(63)}`)
      await dir.mkdir(`objects/${file.slice(0, 2)}/${'cd'.repeat(63)}`)
    })
    expect(problems.map(({ kind }) => kind).sort()).toEqual([
      'object-invalid-name',
      'object-invalid-name',
      'object-open-failed',
      'object-open-failed',
    ])
    expect(objects).toEqual({ checked: 9, bad: 4 })
  })

  it('finds a missing object by each of those that need it', async () => {
    let ids: Filled | undefined
    const report = await damaged(async (filled) => {
      ids = filled
      for (const id of [filled.file, filled.imageFile]) await filled.dir.remove(at(id))
    })
    expect(report.problems).toEqual([
      { kind: 'missing-object-ref', path: 'streams/layer', message: ids!.file },
      { kind: 'image-missing-object', path: `images/${ids!.image}`, message: ids!.imageFile },
    ])
    expect(report).toMatchObject({ missingObjects: 2, streams: { checked: 2, bad: 0 } })
  })

  it('finds a missing named reference and the links that broke with it', async () => {
    let ids: Filled | undefined
    const report = await damaged(async (filled) => {
      ids = filled
      await filled.dir.remove(at(filled.layer))
      await filled.dir.remove(at(filled.image))
    })
    expect(report.problems).toEqual([
      { kind: 'broken-symlink', path: 'streams/layer', message: '' },
      { kind: 'missing-named-ref', path: 'streams/manifest', message: `ref sha256:layer: ${ids!.layer}` },
      { kind: 'broken-symlink', path: `images/${ids!.image}`, message: '' },
      { kind: 'broken-symlink', path: 'images/refs/os/main', message: '' },
    ])
    expect(report).toMatchObject({ brokenLinks: 3, missingObjects: 1 })
    expect(report.streams).toEqual({ checked: 2, bad: 1 })
    expect(report.images).toEqual({ checked: 1, bad: 1 })
  })

  it('finds what is no link, and links that do not lead to an object', async () => {
    const report = await damaged(async ({ dir, file, image }) => {
      await dir.write('streams/file', Buffer.from('x'))
      await dir.mkdir('images/directory')
      await dir.symlink('../../../../../etc/passwd', 'streams/outside')
      await dir.symlink(
        `../objects/${file.slice(0, 2)}/../${file.slice(0, 2)}/${file.slice(2)}`,
        'streams/round',
      )
      await dir.symlink('/etc/passwd', 'images/outside')
      await dir.symlink(`../${at('ab'.repeat(64))}`, 'images/gone')
      await dir.symlink(image, 'images/chained')
    })
    expect(kinds(report)).toEqual([
      'broken-symlink: images/chained',
      'broken-symlink: images/gone',
      'broken-symlink: images/outside',
      'broken-symlink: streams/outside',
      'broken-symlink: streams/round',
      'entry-not-symlink: images/directory',
      'entry-not-symlink: streams/file',
    ])
    expect(report).toMatchObject({ brokenLinks: 5, streams: { checked: 5, bad: 3 }, images: { bad: 4 } })
  })

  it('finds references to nothing and references that are no links', async () => {
    const report = await damaged(async ({ dir }) => {
      await dir.symlink('../../nothing', 'streams/refs/oci/none')
      await dir.symlink('../..', 'streams/refs/up')
      await dir.symlink('/etc/passwd', 'images/refs/outside')
      await dir.write('images/refs/os/file', Buffer.from('x'))
    })
    expect(kinds(report)).toEqual([
      'broken-symlink: images/refs/outside',
      'broken-symlink: streams/refs/oci/none',
      'broken-symlink: streams/refs/up',
      'unexpected-file-type: images/refs/os/file',
    ])
    expect(report.brokenLinks).toBe(3)
  })

  it('finds streams that are none', async () => {
    const report = await damaged(async (filled) => {
      await replaceObject(filled, 'streams/layer', Buffer.from('no splitstream at all, nothing of the kind'))
    })
    expect(kinds(report)).toEqual(['stream-open-failed: streams/layer'])
    expect(report.streams).toEqual({ checked: 2, bad: 1 })
  })

  it('finds streams whose content is damaged or not of the size that they state', async () => {
    for (const change of [
      (bytes: Buffer) => {
        bytes[bytes.length - 1]! ^= 0xff
        bytes[bytes.length - 6]! ^= 0xff
      },
      (bytes: Buffer) => bytes.writeBigUInt64LE(8001n, 104),
    ]) {
      const report = await damaged(async (filled) => {
        const bytes = await filled.repo.readObject(filled.layer, 1 << 20)
        change(bytes)
        await replaceObject(filled, 'streams/layer', bytes)
      })
      expect(kinds(report)).toEqual(['stream-read-failed: streams/layer'])
    }
  })

  it('finds images that are none, and one under a false name', async () => {
    let first = ''
    const report = await damaged(async (filled) => {
      const { dir, image, file } = filled
      first = `images/${image}`
      await dir.remove(first)
      await dir.symlink(`../${at(file)}`, first)
      await dir.symlink(`../${at(file)}`, `images/${file}`)
    })
    expect(kinds(report)).toContain(`image-invalid: ${first}`)
    expect(report.problems.filter(({ kind }) => kind === 'image-invalid')).toHaveLength(2)
    expect(report.images).toEqual({ checked: 2, bad: 2 })
  })

  it('finds directories that are none', async () => {
    const report = await damaged(async ({ dir }) => {
      await dir.remove('images')
      await dir.symlink('/etc', 'images')
    })
    expect(report.problems).toEqual([{ kind: 'unexpected-file-type', path: 'images', message: 'symlink' }])
  })

  it('finds meta.json damaged, missing or another after it was opened', async () => {
    await using place = await make()
    await using repo = await initComposefsRepo(place.dir, { native, requireVerity: false })
    await fill(place.dir, repo)
    const good = await readAll(place.dir.read('meta.json'))
    const other = Buffer.from(good.toString().replace('sha512', 'sha256'))
    for (const [bytes, kind] of [
      [Buffer.from('{'), 'metadata-parse-failed'],
      [undefined, 'metadata-parse-failed'],
      [other, 'metadata-algorithm-mismatch'],
    ] as const) {
      await place.dir.remove('meta.json')
      if (bytes !== undefined) await place.dir.write('meta.json', bytes)
      const report = await repo.fsck()
      expect(kinds(report)).toEqual([`${kind}: meta.json`])
      expect(report.metadata).toBe(false)
    }
  })

  it('stops when it is aborted', async () => {
    await using place = await make()
    await using repo = await initComposefsRepo(place.dir, { native })
    await fill(place.dir, repo)
    await expect(repo.fsck({ signal: AbortSignal.abort(new Error('stop')) })).rejects.toThrow('stop')
  })
})
