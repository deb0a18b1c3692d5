import { describe, expect, test } from 'vitest'
import { grubBootloader } from '@bootc-sdk/bootloader-grub'
import { openBootc } from '@bootc-sdk/core'
import {
  bootableImage,
  buildImage,
  describeTree,
  dir,
  fakeHost,
  file,
  memoryDir,
  memorySysroot,
  readText,
} from '@bootc-sdk/core/testing'
import { composefsBackend } from '../../src/index.js'
import { bench, followed, listed, reopened } from './bench.js'

const version = (n: number) => bootableImage({ version: n })

describe('a deployment on disk', () => {
  test('is laid out as bootc does it', async () => {
    const { sysroot, deploy, backend, lock } = await bench()
    const { id, bootDigest } = await deploy()
    await backend.deployments.seal(id, lock)
    const { root } = sysroot
    expect(id).toMatch(/^[0-9a-f]{128}$/)
    const state = `state/deploy/${id}`
    expect((await root.stat('composefs'))?.mode).toBe(0o700)
    expect(await root.readlink('ostree/bootc')).toBe('../composefs/bootc')
    expect(await root.readlink(`${state}/var`)).toBe('../../os/default/var')
    expect(await readText(root, `${state}/${id}.origin`)).toBe(
      [
        '[origin]',
        'container-image-reference = ostree-unverified-image:docker://registry.example/os:stable',
        '',
        '[boot]',
        'boot_type = bls',
        `digest = ${bootDigest}`,
        '',
        '[image]',
        `manifest_digest = ${version(1).manifestDigest}`,
        '',
      ].join('\n'),
    )
    expect(await readText(root, `${state}/etc/hostname`)).toBe('unset\n')
    expect(await root.stat(`${state}/etc/shadow`)).toMatchObject({ mode: 0o600 })
    expect(await root.readlink(`${state}/etc/os-release`)).toBe('../usr/lib/os-release')
    expect(await root.stat('state/os/default/var/lib/app/seed')).toMatchObject({
      uid: 10,
      gid: 10,
      mode: 0o640,
    })
    const names: string[] = []
    for await (const { name } of root.list(state)) names.push(name)
    expect(names).toEqual([`${id}.origin`, 'etc', 'var'])
  })

  test('leaves the stamp of a finished first boot out of /etc', async () => {
    const { deploy, backend, lock } = await bench()
    const stamped = bootableImage({ version: 1, extraEntries: [file('etc/.updated', 'x')] })
    const { id } = await deploy(stamped)
    const { deployments } = backend
    expect(await (await deployments.defaults(id)).stat('.updated')).toBeDefined()
    const etc = await deployments.etc(id, lock)
    expect(await etc.stat('.updated')).toBeUndefined()
    await etc.write('.updated', Buffer.from('x'))
    await deployments.seal(id, lock)
    expect(await etc.stat('.updated')).toBeUndefined()
  })

  test('shows in status what bootc shows', async () => {
    const { deploy, sysroot } = await bench()
    const { id, bootDigest } = await deploy()
    const [found] = await listed(await reopened(sysroot))
    expect(found).toMatchObject({
      store: 'composefs',
      stateroot: 'default',
      origin: followed,
      image: { manifestDigest: version(1).manifestDigest, version: '1', architecture: 'amd64' },
      backend: { composefs: { verity: id, bootType: 'Bls', bootDigest, missingVerityAllowed: true } },
    })
  })

  test('of the second image keeps /var as it is', async () => {
    const { deploy, sysroot } = await bench()
    await deploy()
    await sysroot.root.write('state/os/default/var/lib/app/seed', Buffer.from('mine'))
    await deploy(version(2))
    expect(await readText(sysroot.root, 'state/os/default/var/lib/app/seed')).toBe('mine')
  })

  test('goes on with the /var of another store', async () => {
    const { pull, backend, lock, sysroot } = await bench()
    const { root } = sysroot
    for (const path of ['ostree/deploy', 'ostree/deploy/default', 'ostree/deploy/default/var'])
      await root.mkdir(path)
    const init = { origin: followed, varFrom: 'ostree/deploy/default/var' }
    const { id } = await backend.deployments.create(await pull(version(1)), init, lock)
    expect(await root.readlink('state/os/default/var')).toBe('../../../ostree/deploy/default/var')
    expect(await backend.deployments.varDir?.(id)).toBe('ostree/deploy/default/var')
    expect(await describeTree(root.sub('ostree/deploy/default/var'))).toHaveLength(0)
  })

  test('is no deployment without a readable origin', async () => {
    const { deploy, sysroot, backend } = await bench()
    const { id } = await deploy()
    await sysroot.root.write(`state/deploy/${id}/${id}.origin`, new Uint8Array())
    expect(await listed(backend)).toEqual([])
    await expect(backend.deployments.root(id)).rejects.toMatchObject({ code: 'DEPLOY_NOT_FOUND' })
    // It may be what runs.
    await backend.images.prune(new Set())
    expect(await sysroot.root.stat(`composefs/images/${id}`)).toBeDefined()
  })

  test('cannot replace one that an entry boots', async () => {
    const { deploy, sysroot, backend } = await bench()
    const { id } = await deploy()
    const { dir: boot } = sysroot.boot
    await boot.mkdir('loader')
    await boot.mkdir('loader/entries')
    await boot.write('loader/entries/x.conf', Buffer.from(`title X\noptions rw composefs=?${id}\n`))
    await expect(deploy()).rejects.toMatchObject({ code: 'DEPLOY_EXISTS', details: { deployment: id } })
    expect(await listed(backend)).toHaveLength(1)
  })

  test('is refused when /etc is to be an overlay, before anything is written', async () => {
    const conf = [
      dir('usr/lib/composefs'),
      file('usr/lib/composefs/setup-root-conf.toml', '[etc]\nmount = "overlay"\n'),
    ]
    const { deploy, backend } = await bench()
    const image = bootableImage({ version: 1, extraEntries: conf })
    await expect(deploy(image)).rejects.toMatchObject({ code: 'DEPLOY_ETC' })
    expect(await listed(backend)).toEqual([])
  })

  test('whose /etc is lost at reboot has nothing to carry over', async () => {
    const conf = [
      dir('usr/lib/composefs'),
      file('usr/lib/composefs/setup-root-conf.toml', '[etc]\ntransient = true\n'),
    ]
    const { deploy, backend } = await bench()
    const { id } = await deploy(bootableImage({ version: 1, extraEntries: conf }))
    expect(await backend.deployments.currentEtc(id)).toBeUndefined()
  })
})

describe('what bootc made', () => {
  test('is found, also by an older one that kept manifest and config in a file', async () => {
    const { sysroot, pull, backend, lock } = await bench()
    const image = await pull(version(1))
    const id = await backend.deployments.idOf!(image, lock)
    const state = `state/deploy/${id}`
    const { root } = sysroot
    await root.mkdir(state)
    await root.mkdir(`${state}/etc`)
    await root.write(
      `${state}/${id}.origin`,
      Buffer.from(
        '[origin]\ncontainer-image-reference=ostree-unverified-registry:a/b:c\n\n[boot]\nboot_type=bls\n',
      ),
    )
    const { manifest, config } = image
    await root.write(`${state}/${id}.imginfo`, Buffer.from(JSON.stringify({ config, manifest })))
    const [found] = await listed(await reopened(sysroot))
    expect(found).toMatchObject({ id, image: { version: '1', architecture: 'amd64' } })
    // Not in the origin, so it was read from the image.
    expect(found?.bootDigest).toMatch(/^[0-9a-f]{64}$/)
    expect(found?.backend).toMatchObject({ composefs: { bootDigest: null } })
  })

  test.each(['', '{', 'null', '[]', '{"config":null,"manifest":null}', '{"config":7,"manifest":{}}'])(
    'is shown without its image where the file of an older one says %j',
    async (text) => {
      const { deploy, sysroot, backend } = await bench()
      const { id } = await deploy()
      const path = `state/deploy/${id}/${id}`
      const origin = (await readText(sysroot.root, `${path}.origin`))!
      await sysroot.root.write(`${path}.origin`, Buffer.from(origin.replace(/^manifest_digest.*$/m, '')))
      await sysroot.root.write(`${path}.imginfo`, Buffer.from(text))
      const [found] = await listed(backend)
      expect(found).toMatchObject({ id })
      expect(found?.image).toBeUndefined()
    },
  )

  test('and staged takes its arguments from the prepared entry, and /etc from what runs', async () => {
    const { deploy, sysroot } = await bench()
    const [one, two] = [await deploy(), await deploy(version(2))]
    const { root, memoryRun } = sysroot
    for (const path of ['boot/loader', 'boot/loader/entries', 'boot/loader/entries.staged'])
      await root.mkdir(path)
    const entry = (id: string, level: number) =>
      Buffer.from(`title X\noptions rw level=${level} composefs=?${id}\n`)
    await root.write('boot/loader/entries/bootc_x-1-1.conf', entry(one.id, 1))
    await root.write('boot/loader/entries.staged/bootc_x-2-1.conf', entry(two.id, 2))
    await root.write('boot/loader/entries.staged/bootc_x-1-0.conf', entry(one.id, 1))
    await memoryRun.mkdir('composefs')
    const record = `{"depl_id":"${two.id}","finalization_locked":true}`
    await memoryRun.write('composefs/staged-deployment', Buffer.from(record))
    const host = fakeHost({ cmdline: `rw composefs=?${one.id}` })
    const running = memorySysroot({ ...sysroot.disks, run: memoryRun, host, live: true })
    const { deployments } = await composefsBackend().open(running)
    expect(await deployments.staged()).toEqual({
      id: two.id,
      mergeFrom: one.id,
      kargs: ['rw', 'level=2', `composefs=?${two.id}`],
      locked: true,
    })
  })

  test('our record of staging has bootc’s two keys and no others', async () => {
    const { deploy, backend, lock, sysroot } = await bench()
    const { id } = await deploy()
    const staged = { id, kargs: ['rw'], mergeFrom: 'f'.repeat(128), locked: false }
    await backend.deployments.setStaged(staged, lock)
    expect(await readText(sysroot.memoryRun, 'composefs/staged-deployment')).toBe(
      `{"depl_id":"${id}","finalization_locked":false}`,
    )
    expect(await backend.deployments.staged()).toEqual(staged)
    const other = (await deploy(version(2))).id
    const theirs = `{"depl_id":"${other}","finalization_locked":false}`
    await sysroot.memoryRun.write('composefs/staged-deployment', Buffer.from(theirs))
    // Our notes are about another deployment.
    expect(await backend.deployments.staged()).toEqual({ id: other, kargs: [], locked: false })
  })

  test.each(['', '{', '[]', '{"depl_id":7}', '{"depl_id":"../../etc"}'])(
    'a record of %j is none',
    async (text) => {
      const { backend, sysroot } = await bench()
      await sysroot.memoryRun.mkdir('composefs')
      await sysroot.memoryRun.write('composefs/staged-deployment', Buffer.from(text))
      expect(await backend.deployments.staged()).toBeUndefined()
    },
  )
})

describe('the running deployment', () => {
  test('is the one that is mounted, after a soft reboot too', async () => {
    const { deploy, sysroot } = await bench()
    const [one, two] = [await deploy(), await deploy(version(2))]
    const mountinfo = `1 0 0:1 / / ro - overlay composefs:${two.id} ro\n`
    const host = fakeHost({ cmdline: `rw composefs=?${one.id}`, mountinfo })
    const { deployments } = await composefsBackend().open(
      memorySysroot({ ...sysroot.disks, host, live: true }),
    )
    expect(await deployments.running?.()).toBe(two.id)
  })

  test('that is not on disk keeps everything from being removed', async () => {
    const { deploy, sysroot, backend, lock } = await bench()
    await deploy()
    await lock[Symbol.asyncDispose]()
    const host = fakeHost({ cmdline: `rw composefs=?${'0'.repeat(128)}` })
    const running = memorySysroot({ ...sysroot.disks, host, live: true })
    await running.boot.dir.mkdir('loader')
    await running.boot.dir.mkdir('loader/entries')
    const bootc = await openBootc({
      ...{ sysroot: running, transports: [], stores: [composefsBackend()], bootloaders: [grubBootloader()] },
    })
    await expect(bootc.prune()).rejects.toMatchObject({ code: 'DEPLOY_BOOTED_UNKNOWN' })
    expect(await listed(backend)).toHaveLength(1)
  })
})

describe('fs-verity', () => {
  test('that cannot be had is told, or refused when it is demanded', async () => {
    const { backend } = await bench()
    expect(backend.warnings).toMatchObject([{ code: 'store:verity-not-enforced' }])
    await expect(bench({ requireVerity: true })).rejects.toMatchObject({ code: 'STORE_COMPOSEFS_VERITY' })
  })

  test('decides about the mark in root arguments', async () => {
    const { deploy, backend } = await bench()
    const { id } = await deploy()
    const [spec] = await backend.deployments.bootSpecs([{ id, kargs: ['rw'] }], 0)
    expect(spec?.rootKargs).toEqual([`composefs=?${id}`])
  })

  test('is never lost silently: entries that demand it are not followed by such that do not', async () => {
    const { deploy, backend, sysroot } = await bench()
    const [one, two] = [await deploy(), await deploy(version(2))]
    const order = [{ id: two.id, kargs: ['rw', `composefs=${one.id}`] }]
    await expect(backend.deployments.bootSpecs(order, 0)).rejects.toMatchObject({
      code: 'STORE_COMPOSEFS_VERITY',
    })
    const allowed = await reopened(sysroot, { allowMissingVerity: true })
    const [spec] = await allowed.deployments.bootSpecs(order, 0)
    expect(spec?.rootKargs).toEqual([`composefs=?${two.id}`])
  })

  test('is in force for every object where the file system has it', async () => {
    const root = memoryDir({ directories: ['boot'], supports: { verity: true } })
    const { deploy, backend } = await bench({}, { root })
    const { id } = await deploy()
    expect(backend.warnings).toEqual([])
    const [spec] = await backend.deployments.bootSpecs([{ id, kargs: ['rw', 'composefs.digest=v1-x'] }], 0)
    expect(spec).toMatchObject({ rootKargs: [`composefs=${id}`], kargs: ['rw'] })
    expect((await listed(backend))[0]?.backend).toMatchObject({ composefs: { missingVerityAllowed: false } })
  })
})

test('an image without a kernel is no deployment', async () => {
  const { deploy } = await bench()
  const image = buildImage({ layers: [{ entries: ['usr', 'boot', 'sysroot'].map((name) => dir(name)) }] })
  await expect(deploy(image)).rejects.toMatchObject({ code: 'STORE_COMPOSEFS_NOT_BOOTABLE' })
})
