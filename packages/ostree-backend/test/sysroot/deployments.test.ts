import { bootableImage, memoryDir, memorySysroot, type MemorySysroot } from '@bootc-sdk/core/testing'
import type {
  Deployment,
  DeploymentStore,
  Dir,
  StoreBackend,
  StoredImage,
  SysrootLock,
} from '@bootc-sdk/core'
import { parseSignedReference } from '@bootc-sdk/core/oci'
import { beforeEach, describe, expect, test } from 'vitest'
import { ostreeBackend } from '../../src/backend.js'
import { openRepo } from '../../src/repo/index.js'
import type { DeploymentName } from '../../src/sysroot/layout.js'
import { seedVar } from '../../src/sysroot/var.js'
import { mergeDeployment } from '../../src/sysroot/merge-deployment.js'
import { encodeDict } from '../../src/format/variant-dict.js'
import { importBuilt, orderOf, writeBootVolume } from './support.js'

const origin = parseSignedReference('ostree-unverified-registry:example.test/os:1')

let sysroot: MemorySysroot
let backend: StoreBackend
let store: DeploymentStore
let lock: SysrootLock
const images: StoredImage[] = []

beforeEach(async () => {
  sysroot = memorySysroot()
  lock = await sysroot.lock()
  backend = await ostreeBackend({ mode: 'bare' }).init(sysroot, lock)
  store = backend.deployments
  images.length = 0
  for (const version of [1, 2, 3]) images.push(await importBuilt(backend, bootableImage({ version })))
})

/** Deploy images with the newest first and switch to them. */
async function deploy(version: 0 | 1, ...chosen: StoredImage[]): Promise<Deployment[]> {
  const made: Deployment[] = []
  for (const image of chosen) {
    const deployment = await store.create(image, { origin }, lock)
    await store.seal(deployment.id, lock)
    made.push(deployment)
  }
  await activate(version, made)
  return made
}

async function activate(version: 0 | 1, order: readonly Deployment[]): Promise<void> {
  const ids = order.map(({ id }) => id)
  await store.activate(ids, version, lock)
  const specs = await store.bootSpecs(
    ids.map((id) => ({ id, kargs: ['rw'] })),
    version,
  )
  await writeBootVolume(sysroot.boot.dir, specs, version)
}

async function listed(): Promise<Deployment[]> {
  const out: Deployment[] = []
  for await (const deployment of store.list()) out.push(deployment)
  return out
}

async function text(path: string): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of sysroot.root.read(path)) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

async function refs(): Promise<string[]> {
  const out: string[] = []
  for (const version of [0, 1]) {
    const top = `ostree/repo/refs/heads/ostree/${version}`
    if ((await sysroot.root.stat(top)) === undefined) continue
    for await (const sub of sysroot.root.list(top)) {
      for await (const { name } of sysroot.root.list(`${top}/${sub.name}`)) {
        out.push(`${version}/${sub.name}/${name} ${(await text(`${top}/${sub.name}/${name}`)).trim()}`)
      }
    }
  }
  return out
}

test('an image that starts from composefs only is refused, and nothing is left of it', async () => {
  const image = await importBuilt(backend, bootableImage({ version: 1, composefs: 'yes' }))
  const refusal = { code: 'DEPLOY_COMPOSEFS_REQUIRED' }
  await expect(store.create(image, { origin }, lock)).rejects.toMatchObject(refusal)
  expect(await listed()).toEqual([])
})

describe('layout', () => {
  test('a new sysroot has the settings of bootc', async () => {
    expect(await text('ostree/repo/config')).toBe(
      '[core]\nrepo_version=1\nmode=bare\n\n[sysroot]\nbootloader=none\nreadonly=true\nbootprefix=true\n',
    )
    expect(await sysroot.root.stat('ostree/deploy/default/var')).toMatchObject({
      type: 'directory',
      mode: 0o755,
    })
  })

  test('initialising again changes nothing', async () => {
    const before = await text('ostree/repo/config')
    await ostreeBackend({ mode: 'bare' }).init(sysroot, lock)
    expect(await text('ostree/repo/config')).toBe(before)
  })

  test('a boot volume of its own gets no prefix', async () => {
    const other = memorySysroot({ boot: 'volume' })
    const made = await ostreeBackend({ mode: 'bare' }).init(other, await other.lock())
    expect(await ostreeBackend().detect(other)).toEqual({ evidence: 'repository at /ostree/repo' })
    expect((await other.root.stat('ostree/repo'))!.type).toBe('directory')
    const chunks: Uint8Array[] = []
    for await (const chunk of other.root.read('ostree/repo/config')) chunks.push(chunk)
    expect(Buffer.concat(chunks).toString()).not.toContain('bootprefix')
    expect(made.name).toBe('ostree')
  })

  test('nothing is detected on an empty sysroot', async () => {
    expect(await ostreeBackend().detect(memorySysroot())).toBeUndefined()
  })
})

describe('creating', () => {
  test('gives a complete deployment with its own /etc', async () => {
    const deployment = await store.create(images[0]!, { origin }, lock)
    const path = `ostree/deploy/default/deploy/${images[0]!.id}.0`
    expect(deployment).toMatchObject({
      id: `default/${images[0]!.id}.0`,
      stateroot: 'default',
      origin,
      pinned: false,
      incompatible: false,
      unlocked: 'none',
      image: { manifestDigest: images[0]!.manifestDigest, version: '1', architecture: 'amd64' },
      backend: { ostree: { stateroot: 'default', checksum: images[0]!.id, deploySerial: 0 } },
    })
    expect(await text(`${path}.origin`)).toBe(
      '[origin]\ncontainer-image-reference=ostree-unverified-registry:example.test/os:1\n',
    )
    expect((await sysroot.root.stat(`${path}/etc/app.conf`))!.nlink).toBe(1)
    expect(await text(`${path}/etc/app.conf`)).toBe(await text(`${path}/usr/etc/app.conf`))
    expect((await listed()).map(({ id }) => id)).toEqual([deployment.id])
  })

  test('counts serials per commit', async () => {
    const first = await store.create(images[0]!, { origin }, lock)
    const second = await store.create(images[0]!, { origin }, lock)
    const other = await store.create(images[0]!, { origin, stateroot: 'other' }, lock)
    expect([first, second, other].map(({ id }) => id.replace(images[0]!.id, 'C'))).toEqual([
      'default/C.0',
      'default/C.1',
      'other/C.0',
    ])
  })

  test('leaves /var empty when seeding it fails', async () => {
    const [{ backend: facts }] = (await deploy(0, images[0]!)) as [Deployment]
    const name = facts['ostree'] as DeploymentName
    const { root } = sysroot
    const top = 'ostree/deploy/default/var'
    const names = async () => {
      const found: string[] = []
      for await (const { name: each } of root.list(top)) found.push(each)
      return found
    }
    for (const each of await names()) await root.remove(`${top}/${each}`)
    let made = 0
    const failing: Dir = {
      ...root,
      async setMeta(path, meta) {
        if (path.startsWith(`${top}/`) && ++made === 2) throw new Error('disk full')
        return root.setMeta(path, meta)
      },
    }
    const repo = await openRepo(root.sub('ostree/repo'))
    await expect(seedVar(repo, failing, name, {})).rejects.toThrow('disk full')
    expect(await names()).toEqual([])
    await seedVar(repo, root, name, {})
    expect(await names()).toContain('lib')
  })

  test('seeds /var only while it is empty', async () => {
    await store.create(images[0]!, { origin }, lock)
    const seeded: string[] = []
    for await (const { name } of sysroot.root.list('ostree/deploy/default/var')) seeded.push(name)
    expect(seeded).toContain('lib')
    await sysroot.root.remove('ostree/deploy/default/var/lib')
    await sysroot.root.write('ostree/deploy/default/var/own', Buffer.from(''))
    await store.create(images[1]!, { origin }, lock)
    expect(await sysroot.root.stat('ostree/deploy/default/var/lib')).toBeUndefined()
  })

  test('leaves nothing behind when the image has no kernel', async () => {
    const bare = await importBuilt(
      backend,
      bootableImage({
        version: 1,
        extraLayers: [{ entries: [{ name: 'usr/lib/modules/.wh..wh..opq', type: 'file' }] }],
      }),
    )
    await expect(store.create(bare, { origin }, lock)).rejects.toMatchObject({ code: 'DEPLOY_NO_KERNEL' })
    expect(await listed()).toEqual([])
    const left: string[] = []
    for await (const { name } of sysroot.root.list('ostree/deploy/default/deploy')) left.push(name)
    expect(left).toEqual([])
  })

  test('refuses an image that is not in the repository', async () => {
    await expect(store.create({ ...images[0]!, id: 'a'.repeat(64) }, { origin }, lock)).rejects.toMatchObject(
      {
        code: 'DEPLOY_NO_IMAGE',
      },
    )
  })

  test('carries foreign groups of another origin over, but no pin', async () => {
    const first = await store.create(images[0]!, { origin }, lock)
    const path = `ostree/deploy/${first.id.replace('/', '/deploy/')}.origin`
    await sysroot.root.write(
      path,
      Buffer.from('[origin]\nrefspec=a:b\nx=1\n\n[mine]\nk=v\n\n[libostree-transient]\npinned=true\n'),
    )
    const second = await store.create(images[1]!, { origin, retainOriginOf: first.id }, lock)
    const made = await text(`ostree/deploy/${second.id.replace('/', '/deploy/')}.origin`)
    expect(made).toContain('x=1')
    expect(made).toContain('[mine]\nk=v')
    expect(made).not.toMatch(/refspec|pinned/)
  })
})

describe('boot links and entries', () => {
  test('entries of a boot version lead to the deployments in order', async () => {
    const made = await deploy(1, images[1]!, images[0]!)
    expect((await orderOf(sysroot, backend)).map(({ id }) => id)).toEqual(made.map(({ id }) => id))
    expect(await sysroot.root.readlink('ostree/boot.1')).toBe('boot.1.1')
  })

  test('a fresh boot version starts with tree 1, the next switch takes the other', async () => {
    const made = await deploy(0, images[0]!)
    const ids = made.map(({ id }) => id)
    expect(await sysroot.root.readlink('ostree/boot.0')).toBe('boot.0.1')
    await store.activate(ids, 0, lock)
    expect(await sysroot.root.readlink('ostree/boot.0')).toBe('boot.0.0')
    await store.activate(ids, 0, lock)
    expect(await sysroot.root.readlink('ostree/boot.0')).toBe('boot.0.1')
    await store.activate(ids, 1, lock)
    expect(await sysroot.root.readlink('ostree/boot.1')).toBe('boot.1.1')
  })

  test('deployments with one kernel share its files and count on, whatever their stateroot', async () => {
    const other = await store.create(images[1]!, { origin, stateroot: 'other' }, lock)
    const own = await store.create(images[0]!, { origin }, lock)
    expect(other.bootDigest).toBe(own.bootDigest)
    const specs = await store.bootSpecs(
      [other, own].map(({ id }) => ({ id, kargs: [] })),
      0,
    )
    expect(specs.map(({ rootKargs }) => rootKargs)).toEqual([
      [`ostree=/ostree/boot.0/other/${own.bootDigest}/0`],
      [`ostree=/ostree/boot.0/default/${own.bootDigest}/1`],
    ])
    expect(specs.map(({ title }) => title.replace(/^.*\(/, '('))).toEqual([
      '(ostree:other:0)',
      '(ostree:default:1)',
    ])
    expect(specs.map(({ fileName, version }) => [fileName, version])).toEqual([
      ['ostree-2.conf', '2'],
      ['ostree-1.conf', '1'],
    ])
    expect(specs[0]!.bootPrefix).toBe('/boot/')
    expect(specs[0]!.artifact.bootDigest).toBe(`sha256:${own.bootDigest}`)
  })

  test('other kernels have other digests', async () => {
    const made = await deploy(1, images[2]!, images[0]!)
    expect(made[0]!.bootDigest).not.toBe(made[1]!.bootDigest)
    expect((await listed()).map(({ bootDigest }) => bootDigest).sort()).toEqual(
      made.map(({ bootDigest }) => bootDigest).sort(),
    )
  })

  test.each([
    'ostree=/ostree/boot.2/default/x/0',
    `ostree=/ostree/boot.1/../${'a'.repeat(64)}/0`,
    `ostree=/ostree/boot.1/default/${'a'.repeat(64)}/7`,
    'root=/dev/sda1 quiet',
    '',
  ])('%j selects no deployment', async (cmdline) => {
    await deploy(1, images[0]!)
    expect(await store.identify(cmdline)).toBeUndefined()
  })

  test('the last ostree= counts', async () => {
    const [made] = await deploy(1, images[0]!)
    const good = `ostree=/ostree/boot.1/default/${made!.bootDigest}/0`
    expect(await store.identify(`ostree=/x rw ${good}`)).toBe(made!.id)
    expect(store.bootVersion!(`rw ${good}`)).toBe(1)
  })
})

describe('/etc and sealing', () => {
  test('resetting throws changes away, also in a sealed deployment', async () => {
    const [made] = await deploy(1, images[0]!)
    const etc = await store.etc(made!.id, lock)
    await etc.write('app.conf', Buffer.from('changed'))
    await etc.write('new', Buffer.from('x'))
    const fresh = await store.resetEtc(made!.id, lock)
    expect(await fresh.stat('new')).toBeUndefined()
    expect(await text(`ostree/deploy/default/deploy/${images[0]!.id}.0/etc/app.conf`)).not.toBe('changed')
  })

  test('sealing makes the backing directories, drops stamps and marks /var', async () => {
    const made = await store.create(images[0]!, { origin }, lock)
    const root = `ostree/deploy/default/deploy/${images[0]!.id}.0`
    await sysroot.root.write(`${root}/etc/.updated`, Buffer.from(''))
    await sysroot.root.write('ostree/deploy/default/var/.updated', Buffer.from(''))
    await store.seal(made.id, lock)
    await store.seal(made.id, lock)
    expect(await sysroot.root.stat(`${root}/etc/.updated`)).toBeUndefined()
    expect(await sysroot.root.stat('ostree/deploy/default/var/.updated')).toBeUndefined()
    expect(await sysroot.root.stat('ostree/deploy/default/var/.ostree-selabeled')).toMatchObject({
      sizeBytes: 0,
    })
    const backing = `ostree/deploy/default/backing/${images[0]!.id}.0`
    expect(await sysroot.root.stat(backing)).toMatchObject({ mode: 0o700 })
    expect(await sysroot.root.stat(`${backing}/root-transient/upper`)).toMatchObject({ mode: 0o755 })
  })
})

describe('origins', () => {
  test('pin and unpin', async () => {
    const [made] = await deploy(1, images[0]!)
    const path = `ostree/deploy/default/deploy/${images[0]!.id}.0.origin`
    const before = await text(path)
    await store.setPinned(made!.id, true, lock)
    expect(await text(path)).toBe(`${before}\n[libostree-transient]\npinned=true\n`)
    expect((await listed())[0]!.pinned).toBe(true)
    await store.setPinned(made!.id, false, lock)
    expect((await listed())[0]!.pinned).toBe(false)
  })

  test('another reference keeps everything else', async () => {
    const [made] = await deploy(1, images[0]!)
    await store.setPinned(made!.id, true, lock)
    const next = parseSignedReference('ostree-image-signed:docker://example.test/other')
    await store.setOrigin(made!.id, next, lock)
    expect((await listed())[0]).toMatchObject({ origin: next, pinned: true })
  })

  test('package layering by rpm-ostree makes it incompatible, a hotfix shows', async () => {
    const [made] = await deploy(1, images[0]!)
    const path = `ostree/deploy/default/deploy/${images[0]!.id}.0.origin`
    await sysroot.root.write(path, Buffer.from('[origin]\nunlocked=hotfix\n\n[packages]\nrequested=vim;\n'))
    expect((await listed())[0]).toMatchObject({ incompatible: true, unlocked: 'hotfix' })
    expect((await listed())[0]!.origin).toBeUndefined()
    expect(made!.incompatible).toBe(false)
  })

  test('an origin that is no key file is an error that names it', async () => {
    await deploy(1, images[0]!)
    const path = `ostree/deploy/default/deploy/${images[0]!.id}.0.origin`
    await sysroot.root.write(path, Buffer.from('garbage'))
    await expect(listed()).rejects.toMatchObject({ code: 'DEPLOY_ORIGIN', details: { path } })
  })

  test('unlocking is told by flags in /run', async () => {
    await deploy(1, images[0]!)
    const flags = `ostree/deployment-state/${images[0]!.id}.0`
    for (const path of ['ostree', 'ostree/deployment-state', flags]) await sysroot.run.mkdir(path)
    await sysroot.run.write(`${flags}/unlocked-development`, new Uint8Array(0))
    expect((await listed())[0]!.unlocked).toBe('development')
  })
})

describe('staged', () => {
  test('a record without arguments takes those of the deployment it merges from', async () => {
    const [booted] = await deploy(1, images[0]!)
    const next = await store.create(images[1]!, { origin }, lock)
    const name = (id: string) => ({
      type: 'a{sv}',
      value: [
        ['name', { type: 's', value: id.split('/')[1] }],
        ['osname', { type: 's', value: 'default' }],
      ],
    })
    await sysroot.run.mkdir('ostree')
    await sysroot.run.write(
      'ostree/staged-deployment',
      encodeDict([
        ['merge-deployment', name(booted!.id)],
        ['target', name(next.id)],
      ]),
    )
    expect(await store.staged()).toEqual({
      id: next.id,
      mergeFrom: booted!.id,
      kargs: ['rw', `ostree=/ostree/boot.1/default/${booted!.bootDigest}/0`],
      locked: false,
    })
  })

  test('a record of a deployment that is gone is none', async () => {
    const made = await store.create(images[0]!, { origin }, lock)
    await store.setStaged({ id: made.id, kargs: ['a'], locked: false }, lock)
    expect(await store.staged()).toEqual({ id: made.id, kargs: ['a'], locked: false })
    await store.prune({ order: [], version: 0 }, lock)
    expect(await store.staged()).toBeUndefined()
  })
})

describe('prune', () => {
  test('removes deployments and links that are not in use, and holds commits by refs', async () => {
    const [old] = await deploy(1, images[0]!)
    const [now, rollback] = await deploy(0, images[2]!, images[1]!)
    const staged = await store.create(images[1]!, { origin }, lock)
    await store.prune({ order: [now!.id, rollback!.id], staged: staged.id, version: 0 }, lock)
    expect((await listed()).map(({ id }) => id).sort()).toEqual([now!.id, rollback!.id, staged.id].sort())
    expect(await sysroot.root.stat('ostree/boot.1')).toBeUndefined()
    expect(await sysroot.root.stat('ostree/boot.1.1')).toBeUndefined()
    expect((await orderOf(sysroot, backend)).map(({ id }) => id)).toEqual([now!.id, rollback!.id])
    expect(await sysroot.root.stat(`ostree/deploy/default/backing/${old!.id.split('/')[1]}`)).toBeUndefined()
    expect(await refs()).toEqual([
      `0/1/0 ${images[1]!.id}`,
      `0/1/1 ${images[2]!.id}`,
      `0/1/2 ${images[1]!.id}`,
    ])
    await store.activate([rollback!.id], 0, lock)
    await store.prune({ order: [rollback!.id], version: 0 }, lock)
    expect(await refs()).toEqual([`0/0/0 ${images[1]!.id}`])
  })

  test('removes half-made deployments', async () => {
    const [made] = await deploy(1, images[0]!)
    const partial = `ostree/deploy/default/deploy/${'d'.repeat(64)}.0`
    await sysroot.root.mkdir(partial)
    expect((await listed()).map(({ id }) => id)).toEqual([made!.id])
    await store.prune({ order: [made!.id], version: 1 }, lock)
    expect(await sysroot.root.stat(partial)).toBeUndefined()
  })

  test('images of deployments on disk survive pruning of images without a ref', async () => {
    const [made] = await deploy(1, images[0]!)
    await backend.images.prune(new Set())
    expect(await store.staged()).toBeUndefined()
    expect((await backend.images.get(images[0]!.manifestDigest))!.id).toBe(images[0]!.id)
    expect(await backend.images.get(images[1]!.manifestDigest)).toBeUndefined()
    expect((await store.bootSpecs([{ id: made!.id, kargs: [] }], 1)).length).toBe(1)
  })
})

describe('the running deployment', () => {
  test('is told by the device and inode that the initramfs noted, and is never pruned', async () => {
    const live = memorySysroot({ root: sysroot.disks.root, live: true, run: memoryDir() })
    await deploy(1, images[0]!)
    const other = (await ostreeBackend().open(live)).deployments
    expect(await other.running!()).toBeUndefined()
    const stat = (await live.root.stat(`ostree/deploy/default/deploy/${images[0]!.id}.0`))!
    const value = [BigInt(stat.dev), BigInt(stat.ino)]
    await live.run.write(
      'ostree-booted',
      encodeDict([['backing-root-device-inode', { type: '(tt)', value }]]),
    )
    expect(await other.running!()).toBe(`default/${images[0]!.id}.0`)
    await other.prune({ order: [], version: 1 }, lock)
    expect((await listed()).map(({ id }) => id)).toEqual([`default/${images[0]!.id}.0`])
    await live.run.mkdir('ostree')
    await live.run.write(
      'ostree/nextroot-booted',
      encodeDict([['backing-root-device-inode', { type: '(tt)', value }]]),
    )
    for await (const { backend: facts } of other.list())
      expect(facts).toMatchObject({ softRebootTarget: true })
  })
})

describe('merge deployment', () => {
  const order = [
    { id: 'b', stateroot: 'x' },
    { id: 'a', stateroot: 'x' },
    { id: 'c', stateroot: 'y' },
  ]
  test('is the booted one where it is of the stateroot, else the first there', () => {
    expect(mergeDeployment(order, 'x', 'a')).toBe('a')
    expect(mergeDeployment(order, 'y', 'a')).toBe('c')
    expect(mergeDeployment(order, 'x')).toBe('b')
    expect(mergeDeployment(order, 'z', 'a')).toBeUndefined()
  })
})
