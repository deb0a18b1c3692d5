import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { getNative } from '@bootc-sdk/core/node'
import { directory, Inode, S_IFREG } from '../../src/tree/inode.js'
import { initComposefsRepo, openComposefsRepo, type ComposefsRepo } from '../../src/repo/index.js'
import { readAll, temporaryDir } from './backings.js'
import { goldenOci, goldenRepos, unpackRepo } from './golden-repos.js'

/**
 * The real composefs-rs, which nobody packages: COMPOSEFS_CFSCTL names a program to run it, TMPDIR a directory
 * that it can see. Without it the golden repositories, which it made, stand in.
 */
const cfsctl = process.env.COMPOSEFS_CFSCTL
const run = promisify(execFile)

async function real(path: string, ...args: string[]): Promise<string> {
  const options = { encoding: 'latin1', maxBuffer: 1 << 26 } as const
  return (await run(cfsctl!, ['--repo', path, ...args], options)).stdout
}

async function failing(path: string, ...args: string[]): Promise<string> {
  try {
    return await real(path, ...args)
  } catch (error) {
    return (error as { stdout: string }).stdout
  }
}

async function fill(repo: ComposefsRepo) {
  await using transaction = await repo.begin()
  const writer = transaction.objects()
  const parts = Array.from({ length: 300 }, (_, i) => Buffer.alloc(65 + i * 97, `part ${i}`))
  for (const part of parts) writer.put(part)
  const ids = await writer.finish()
  const layer = transaction.splitstream(Buffer.from('ocilayer').readBigUInt64LE())
  const whole: Buffer[] = []
  for (const [i, id] of ids.entries()) {
    const head = Buffer.alloc(512, `head ${i}`)
    layer.inline(head)
    layer.external(id, parts[i]!.length)
    whole.push(head, parts[i]!)
  }
  const layerId = await layer.finish()
  const root = directory()
  root.nlink = 2
  for (const [i, id] of ids.entries()) {
    const inode = new Inode(S_IFREG | 0o644)
    Object.assign(inode, {
      size: parts[i]!.length,
      digest: id,
      payload: `${id.slice(0, 2)}/${id.slice(2)}`,
      nlink: 1,
    })
    root.children!.set(`file ${i}`, inode)
  }
  const image = await transaction.putImage({ root })
  const manifest = transaction.splitstream(Buffer.from('ocimanif').readBigUInt64LE())
  manifest.namedRef('sha256:layer', layerId)
  manifest.namedRef('composefs.image.v1', image)
  manifest.inline(Buffer.from('{}'))
  transaction.setStream('oci-layer-sha256:layer', layerId)
  transaction.setStream('oci-manifest-sha256:manifest', await manifest.finish())
  transaction.setRef('streams', 'oci/my:tag', 'oci-manifest-sha256:manifest')
  transaction.setRef('images', 'os/main', image)
  await transaction.putObject(Buffer.from('garbage'))
  await transaction.commit()
  return { whole: Buffer.concat(whole), image, ids }
}

const ways = [
  { name: 'without the addon', native: false },
  ...(getNative() === undefined ? [] : [{ name: 'with the addon', native: undefined }]),
] as const

describe.skipIf(cfsctl === undefined)('cfsctl', () => {
  describe.each(['sha256', 'sha512'] as const)('with a repository of ours, %s', (algorithm) => {
    it.each(ways)('finds nothing wrong, reads and collects the same: $name', async ({ native }) => {
      await using place = await temporaryDir()
      const { path } = place
      await using repo = await initComposefsRepo(place.dir, { native, algorithm })
      const { whole, image, ids } = await fill(repo)
      expect(await real(path, 'fsck')).toContain('status: ok')
      expect(await real(path, 'cat', 'oci-layer-sha256:layer')).toBe(whole.toString('latin1'))
      expect(await real(path, 'cat', 'refs/oci/my:tag')).toBe('{}')
      expect(await real(path, 'images', '--no-trunc')).toContain(image)
      const objects = (await real(path, 'image-objects', image)).trim().split('\n')
      expect(objects.map((line) => line.split(':').at(-1)).sort()).toEqual([...new Set(ids)].sort())
      const planned = await repo.gc({}, { dryRun: true })
      expect(planned).toMatchObject({ objects: 1, problems: [] })
      const said = `Objects: ${planned.objects} removed (${planned.bytes} bytes)`
      expect(await real(path, 'gc', '-n')).toContain(said)
      await repo[Symbol.asyncDispose]()
      expect(await real(path, 'gc')).toContain(said)
      await using again = await openComposefsRepo(place.dir, { native })
      expect((await again.fsck()).problems).toEqual([])
      expect((await again.gc()).objects).toBe(0)
      expect(await real(path, 'fsck')).toContain('status: ok')
    })
  })

  it.each(goldenRepos)('collects and checks as we do when a tag goes: $name', async ({ name }) => {
    await using place = await temporaryDir()
    const { path, dir } = place
    await unpackRepo(name, dir)
    await using repo = await openComposefsRepo(dir)
    for await (const { name: ref } of repo.listRefs('streams', 'oci')) {
      if (!ref.includes('whiteouts')) await dir.remove(`streams/refs/${ref}`)
    }
    const planned = await repo.gc({}, { dryRun: true })
    expect(planned.objects).toBeGreaterThan(10)
    const said = await real(path, 'gc', '-n')
    expect(said).toContain(`Objects: ${planned.objects} removed (${planned.bytes} bytes)`)
    expect(await repo.gc()).toEqual(planned)
    expect(await real(path, 'gc', '-n')).toContain('Objects: 0 removed')
    expect(await real(path, 'fsck')).toContain('status: ok')
  })

  it('finds the damage that we find, in the same words', async () => {
    await using place = await temporaryDir()
    const { path, dir } = place
    await unpackRepo('s512v1', dir)
    await using repo = await openComposefsRepo(dir)
    const objects: { id: string; sizeBytes: number }[] = []
    for await (const object of repo.listObjects()) objects.push(object)
    const at = (id: string) => `objects/${id.slice(0, 2)}/${id.slice(2)}`
    const referenced = new Set<string>()
    for await (const { id } of repo.listStreams()) {
      for (const object of (await repo.openStream(id)).objectRefs) referenced.add(object)
    }
    const [missing, spoiled] = [...referenced]
    await dir.remove(at(missing!))
    const bytes = await readAll(dir.read(at(spoiled!)))
    bytes[0]! ^= 1
    await dir.remove(at(spoiled!))
    await dir.write(at(spoiled!), bytes)
    await dir.write(`objects/${spoiled!.slice(0, 2)}/junk`, Buffer.from('x'))
    await dir.symlink('../../none', 'streams/refs/oci/none')
    await dir.symlink('../objects/ab/cdef', 'images/none')
    await dir.write('images/refs/file', Buffer.from('x')).catch(async () => {
      await dir.mkdir('images/refs')
      await dir.write('images/refs/file', Buffer.from('x'))
    })
    const ours = (await repo.fsck()).problems.map(({ kind, path: at }) => `fsck: ${kind}: ${at}`)
    const lines = (await failing(path, 'fsck')).split('\n').map((line) => line.trim().replace(/^- /, ''))
    const theirs = lines.filter((line) => line.startsWith('fsck: '))
    expect(ours.length).toBeGreaterThan(5)
    const shown = (line: string) => line.split(': ').slice(0, 3).join(': ')
    expect(theirs.map(shown).sort()).toEqual(ours.map(shown).sort())
  })

  it('makes a repository that we can use, and takes one of ours for made', async () => {
    await using place = await temporaryDir()
    const { path, dir } = place
    await run(cfsctl!, ['init', '--insecure', path])
    await using repo = await initComposefsRepo(dir)
    expect(repo.verity.mode).toBe('optional')
    await fill(repo)
    expect(await real(path, 'fsck')).toContain('status: ok')
    await using other = await temporaryDir()
    await using own = await initComposefsRepo(other.dir, { algorithm: 'sha256' })
    const again = ['init', '--insecure', '--algorithm', 'fsverity-sha256-12', other.path]
    expect((await run(cfsctl!, again)).stdout).toContain('already initialized')
    expect(own.meta.algorithm).toBe('sha256')
  })

  it('pulls into a repository of ours and overlooks a staging directory', async () => {
    await using place = await temporaryDir()
    const { path, dir } = place
    await using repo = await initComposefsRepo(dir)
    const layout = join(path, 'layout')
    await run('sh', [
      '-c',
      `mkdir ${layout} && tar xzf "$0" -C ${layout}`,
      fileURLToPath(new URL('layouts.tar.gz', goldenOci)),
    ])
    await dir.mkdir('objects/.bootc-sdk-left')
    await dir.write('objects/.bootc-sdk-left/part-0', Buffer.from('x'))
    await real(path, 'oci', 'pull', `oci:${layout}/basic:v1`, 'pulled')
    expect(await real(path, 'fsck')).toContain('status: ok')
    expect((await repo.fsck()).problems).toEqual([])
    expect(await repo.readRef('streams', 'oci/pulled')).toMatch(/^oci-manifest-sha256:/)
    const planned = await repo.gc({}, { dryRun: true })
    expect(planned.problems).toEqual([])
    expect(await real(path, 'gc', '-n')).toContain(`Objects: ${planned.objects} removed`)
  })

  it('is kept from collecting while we have the repository open', async () => {
    await using place = await temporaryDir()
    await using repo = await initComposefsRepo(place.dir)
    const collecting = run(cfsctl!, ['--repo', place.path, 'gc'])
    const winner = await Promise.race([
      collecting.then(() => 'collected'),
      new Promise((resolve) => setTimeout(() => resolve('waiting'), 1500)),
    ])
    expect(winner).toBe('waiting')
    await repo[Symbol.asyncDispose]()
    await collecting
  })
})
