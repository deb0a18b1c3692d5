import { describe, expect, it } from 'vitest'
import { isBootcError, type Dir } from '@bootc-sdk/core'
import { memoryDir, powerCutDir } from '@bootc-sdk/core/testing'
import { newMetaJson, printMetaJson } from '../../src/format/meta-json.js'
import { initComposefsRepo, openComposefsRepo } from '../../src/repo/index.js'
import { backings, readAll } from './backings.js'
import { unpackRepo } from './golden-repos.js'

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'no error',
    (error: unknown) => (isBootcError(error) ? error.code : String(error)),
  )

const native = false
const withVerity = () => memoryDir({ supports: { verity: true } })

/** A directory that refuses every write, as a read-only mount does. */
function readOnly(dir: Dir): Dir {
  const { supply, dir: wrapped } = powerCutDir(dir as ReturnType<typeof memoryDir>)
  const refusal = async () => {
    const { BootcError } = await import('@bootc-sdk/core')
    throw new BootcError('TREE_READ_ONLY', 'read-only file system')
  }
  void supply
  return { ...wrapped, mkdir: refusal, write: refusal, symlink: refusal, rename: refusal, remove: refusal }
}

describe.each(backings)('opening a repository, in $name', (backing) => {
  it('makes one, and opens it again as it is', async () => {
    await using place = await backing.make()
    for (let i = 0; i < 2; i++) {
      await using repo = await initComposefsRepo(place.dir, { native: backing.native })
      expect(repo.meta).toEqual({ algorithm: 'sha512', erofsVersion: 1, extraErofsVersions: [] })
    }
    expect(await readAll(place.dir.read('meta.json'))).toEqual(printMetaJson(newMetaJson('sha512', 1)))
    expect((await place.dir.stat('meta.json'))!.mode).toBe(0o644)
    expect(await codeOf(initComposefsRepo(place.dir, { algorithm: 'sha256' }))).toBe(
      'STORE_COMPOSEFS_ALGORITHM',
    )
    expect(await codeOf(initComposefsRepo(place.dir, { erofsVersion: 2 }))).toBe('STORE_COMPOSEFS_BAD_META')
    expect(await codeOf(openComposefsRepo(place.dir, { algorithm: 'sha256' }))).toBe(
      'STORE_COMPOSEFS_ALGORITHM',
    )
    await using again = await openComposefsRepo(place.dir, { algorithm: 'sha512' })
    expect((await again.fsck()).problems).toEqual([])
  })

  it('is locked against deletion by others while it is open', async () => {
    await using place = await backing.make()
    await using repo = await initComposefsRepo(place.dir, { native: backing.native })
    await using other = await openComposefsRepo(place.dir, { native: backing.native })
    expect(await codeOf(repo.gc({}, { timeoutMs: 0 }))).toBe('STORE_COMPOSEFS_LOCKED')
    expect(await codeOf(repo.gc({}, { timeoutMs: 30 }))).toBe('STORE_COMPOSEFS_LOCKED')
    // The refused one still holds its lock, shared.
    expect(await codeOf(other.gc({}, { timeoutMs: 0 }))).toBe('STORE_COMPOSEFS_LOCKED')
    await other[Symbol.asyncDispose]()
    expect(await codeOf(repo.gc({}, { timeoutMs: 0 }))).toBe('no error')
    await repo[Symbol.asyncDispose]()
    await using lock = await place.dir.lock('', { exclusive: true, timeoutMs: 0 })
    expect(lock).toBeDefined()
  })

  it('collects nothing while a transaction is open, and begins none while it collects', async () => {
    await using place = await backing.make()
    await using repo = await initComposefsRepo(place.dir, { native: backing.native })
    const transaction = await repo.begin()
    expect(await codeOf(repo.gc())).toBe('STORE_COMPOSEFS_LOCKED')
    await transaction.putObject(Buffer.from('garbage'))
    await transaction.commit()
    const collected = repo.gc()
    const next = await repo.begin()
    expect((await collected).objects).toBe(1)
    const id = await next.putObject(Buffer.from('kept'))
    await next.commit()
    expect(await repo.hasObject(id)).toBe(true)
  })
})

describe('opening a repository', () => {
  it('says what is no repository', async () => {
    const dir = memoryDir()
    expect(await codeOf(openComposefsRepo(dir, { native }))).toBe('STORE_COMPOSEFS_NOT_A_REPO')
    await dir.mkdir('objects')
    expect(await codeOf(openComposefsRepo(dir, { native }))).toBe('STORE_COMPOSEFS_NOT_A_REPO')
    // No lock is left behind by either.
    await using repo = await initComposefsRepo(dir, { native })
    await repo.gc({}, { timeoutMs: 0 })
  })

  it('says when meta.json is damaged or of a later time', async () => {
    const dir = memoryDir()
    await dir.mkdir('objects')
    const cases: Uint8Array[] = [
      Buffer.from(''),
      Buffer.from('{'),
      Buffer.from('{"version":2,"algorithm":"fsverity-sha512-12"}'),
      Buffer.alloc(3 << 20, ' '),
    ]
    for (const bytes of cases) {
      await dir.write('meta.json', bytes)
      expect(await codeOf(openComposefsRepo(dir, { native }))).toBe('STORE_COMPOSEFS_BAD_META')
      expect(await codeOf(initComposefsRepo(dir, { native }))).toBe('STORE_COMPOSEFS_BAD_META')
    }
    await dir.remove('meta.json')
    await dir.symlink('/etc/passwd', 'meta.json')
    expect(await codeOf(openComposefsRepo(dir, { native }))).toBe('STORE_COMPOSEFS_BAD_META')
    await dir.remove('meta.json')
    await dir.mkdir('meta.json')
    expect(await codeOf(openComposefsRepo(dir, { native }))).toBe('STORE_COMPOSEFS_BAD_META')
  })

  it('is read-only with a feature that it does not know', async () => {
    const dir = memoryDir()
    await (await initComposefsRepo(dir, { native }))[Symbol.asyncDispose]()
    const meta = newMetaJson('sha512', 1)
    const features = { ...meta.features, readOnlyCompatible: ['v1_erofs', 'later'] }
    await dir.write('meta.json', printMetaJson({ ...meta, features }))
    await using repo = await openComposefsRepo(dir, { native })
    expect(repo.meta.readOnlyReason).toContain('"later"')
    expect(await codeOf(repo.begin())).toBe('STORE_COMPOSEFS_READ_ONLY')
    expect(await codeOf(repo.gc())).toBe('STORE_COMPOSEFS_READ_ONLY')
    expect((await repo.fsck()).problems).toEqual([])
    expect((await repo.gc({}, { dryRun: true })).objects).toBe(0)
  })

  it('takes further EROFS formats from meta.json', async () => {
    const dir = memoryDir()
    await dir.mkdir('objects')
    await dir.write('meta.json', printMetaJson({ ...newMetaJson('sha256', 1), extraErofsVersions: [1, 2] }))
    await using repo = await openComposefsRepo(dir, { native })
    expect(repo.meta).toMatchObject({ erofsVersion: 1, extraErofsVersions: [2] })
  })

  it('reads one on a read-only file system, and refuses to write', async () => {
    const dir = memoryDir()
    await unpackRepo('s256v1', dir)
    await using repo = await openComposefsRepo(readOnly(dir), { native })
    expect((await repo.fsck()).problems).toEqual([])
    expect(await codeOf(repo.begin())).toBe('STORE_COMPOSEFS_READ_ONLY')
  })

  it.each([
    { name: 's256v1', algorithm: 'sha256' },
    { name: 's512v2', algorithm: 'sha512' },
  ] as const)('gives an old repository its meta.json: $name', async ({ name, algorithm }) => {
    const dir = memoryDir()
    await unpackRepo(name, dir)
    await dir.remove('meta.json')
    {
      await using repo = await openComposefsRepo(readOnly(dir), { native })
      expect(repo.meta).toMatchObject({ algorithm, erofsVersion: 1 })
      expect(await codeOf(repo.begin())).toBe('STORE_COMPOSEFS_READ_ONLY')
      expect(await dir.stat('meta.json')).toBeUndefined()
    }
    expect(
      await codeOf(
        initComposefsRepo(dir, { native, algorithm: algorithm === 'sha256' ? 'sha512' : 'sha256' }),
      ),
    ).toBe('STORE_COMPOSEFS_ALGORITHM')
    await using repo = await openComposefsRepo(dir, { native })
    expect(repo.meta.readOnlyReason).toBeUndefined()
    // As cfsctl does it: EROFS format 1, whatever images there are.
    expect(await readAll(dir.read('meta.json'))).toEqual(printMetaJson(newMetaJson(algorithm, 1)))
    expect((await repo.fsck()).problems).toEqual([])
  })
})

describe('fs-verity of a repository', () => {
  it('is required when meta.json has it', async () => {
    const dir = withVerity()
    await using repo = await initComposefsRepo(dir, { native })
    expect(repo.verity).toEqual({ mode: 'required' })
    expect((await dir.measureVerity!('meta.json'))?.algorithm).toBe('sha512')
    await using again = await openComposefsRepo(dir, { native, requireVerity: true })
    expect(again.verity).toEqual({ mode: 'required' })
    await using relaxed = await openComposefsRepo(dir, { native, allowMissingVerity: true })
    expect(relaxed.verity).toEqual({ mode: 'optional', enforceable: true })
  })

  it('is optional when init was told so, and demanded in vain', async () => {
    const dir = withVerity()
    await using repo = await initComposefsRepo(dir, { native, requireVerity: false })
    expect(repo.verity).toEqual({ mode: 'optional', enforceable: true })
    expect(await codeOf(openComposefsRepo(dir, { native, requireVerity: true }))).toBe(
      'STORE_COMPOSEFS_VERITY',
    )
    expect(await codeOf(initComposefsRepo(dir, { native, requireVerity: true }))).toBe(
      'STORE_COMPOSEFS_VERITY',
    )
    // Objects get it all the same.
    await using transaction = await repo.begin()
    const id = await transaction.putObject(Buffer.from('x'))
    await transaction.commit()
    expect((await dir.measureVerity!(`objects/${id.slice(0, 2)}/${id.slice(2)}`))?.digest).toBe(id)
  })

  it('is refused clearly where the file system has none, and nothing is left', async () => {
    const dir = memoryDir()
    expect(await codeOf(initComposefsRepo(dir, { native, requireVerity: true }))).toBe(
      'STORE_COMPOSEFS_VERITY',
    )
    expect(await dir.stat('meta.json')).toBeUndefined()
    await using repo = await initComposefsRepo(dir, { native })
    expect(repo.verity).toEqual({ mode: 'optional', enforceable: false })
    expect(await codeOf(openComposefsRepo(dir, { native, requireVerity: true }))).toBe(
      'STORE_COMPOSEFS_VERITY',
    )
  })

  it('is not given up where the kernel turns out not to have it', async () => {
    // A file system that claims it and refuses; what was required is not quietly left out.
    const base = withVerity()
    const unable: Dir = {
      ...base,
      enableVerity: async () => {
        const { BootcError } = await import('@bootc-sdk/core')
        throw new BootcError('TREE_UNSUPPORTED', 'no')
      },
    }
    expect(await codeOf(initComposefsRepo(unable, { native, requireVerity: true }))).toBe(
      'STORE_COMPOSEFS_VERITY',
    )
    {
      await using secure = await initComposefsRepo(base, { native })
      expect(secure.verity.mode).toBe('required')
    }
    await using repo = await openComposefsRepo(unable, { native })
    await using transaction = await repo.begin()
    await transaction.putObject(Buffer.from('x'))
    expect(await codeOf(transaction.commit())).toBe('STORE_COMPOSEFS_VERITY')
    await using relaxed = await openComposefsRepo(unable, { native, allowMissingVerity: true })
    await using second = await relaxed.begin()
    const id = await second.putObject(Buffer.from('x'))
    await second.commit()
    expect(await relaxed.hasObject(id)).toBe(true)
  })

  it('of an old repository is inferred from its objects', async () => {
    for (const verity of [true, false]) {
      const dir = withVerity()
      {
        await using repo = await initComposefsRepo(dir, { native, requireVerity: verity })
        await using transaction = await repo.begin()
        const id = await transaction.putObject(Buffer.from('x'))
        await transaction.commit()
        await dir.remove('meta.json')
        if (!verity) {
          const path = `objects/${id.slice(0, 2)}/${id.slice(2)}`
          await dir.remove(path)
          await dir.write(path, Buffer.from('x'))
        }
      }
      await using repo = await openComposefsRepo(dir, { native })
      expect(repo.verity.mode).toBe(verity ? 'required' : 'optional')
    }
  })
})
