import assert from 'node:assert/strict'
import type {
  Deployment,
  SignedImageReference,
  StagedRecord,
  StoreBackend,
  Sysroot,
  SysrootLock,
} from '@bootc-sdk/core'
import { readAll, readText } from '@bootc-sdk/core/testing'
import { allOf, isPlainData, methodMatches, rejectsWith, rejectsWithReason } from './checks.js'
import { importImage } from './image-store-suite.js'
import { followed, otherImage } from './machine.js'
import { releaseImage } from './release-image.js'
import { group, type Runner } from './runner.js'

export interface DeploymentStoreSuiteOptions extends Runner {
  /** For test names. */
  readonly name: string
  /** A backend initialised on an empty sysroot. */
  readonly create: () => Promise<{
    readonly sysroot: Sysroot
    readonly backend: StoreBackend
    /** Opens the same content again, as another process would. */
    readonly reopen?: () => Promise<StoreBackend>
    readonly dispose?: () => Promise<void>
  }>
}

interface Bench {
  readonly sysroot: Sysroot
  readonly backend: StoreBackend
  readonly lock: SysrootLock
  reopen(): Promise<StoreBackend>
  deploy(version: number, origin?: SignedImageReference): Promise<Deployment>
}

/** Deployments without a boot loader: make, describe, stage, link, remove. */
export function deploymentStoreSuite(options: DeploymentStoreSuiteOptions): void {
  const test = (title: string, run: (bench: Bench) => Promise<void>) =>
    options.test(title, async () => {
      const { sysroot, backend, reopen = async () => backend, dispose } = await options.create()
      try {
        await using lock = await sysroot.lock()
        await run({ sysroot, backend, lock, reopen, deploy })
        async function deploy(version: number, origin = followed): Promise<Deployment> {
          const { image } = await importImage(backend.images, releaseImage(version))
          return backend.deployments.create(image, { origin, stateroot: 'default' }, lock)
        }
      } finally {
        await dispose?.()
      }
    })

  group(options, `${options.name}: deployment store`, () => {
    test('methods are there exactly when they are claimed', async ({ backend: { deployments } }) => {
      assert.ok(Object.isFrozen(deployments.supports))
      // Only root arguments that go through links can carry the version of the links.
      methodMatches(deployments.supports.relink, deployments.bootVersion, 'bootVersion')
    })

    test('a deployment is listed and described as plain data', async ({ deploy, reopen }) => {
      const made = await deploy(1)
      isPlainData(made)
      for (const listed of [made, ...(await allOf((await reopen()).deployments.list()))]) {
        assert.equal(listed.id, made.id)
        assert.deepEqual(listed.origin, followed)
        assert.equal(listed.image?.manifestDigest, releaseImage(1).manifestDigest)
        assert.equal(listed.image?.architecture, 'amd64')
        assert.equal(listed.incompatible, false)
        assert.equal(listed.pinned, false)
        assert.equal(listed.unlocked, 'none')
        assert.match(listed.bootDigest, /^[0-9a-f]{64}$/)
      }
    })

    test('its root is the image, with the pristine /etc apart', async ({ backend, deploy }) => {
      const { id } = await deploy(2)
      const root = await backend.deployments.root(id)
      assert.match((await readText(root, 'usr/lib/os-release'))!, /VERSION_ID=2/)
      const defaults = await backend.deployments.defaults(id)
      assert.equal(await readText(defaults, 'app.conf'), 'level = 2\n')
      assert.equal(await defaults.stat('legacy.conf'), undefined)
    })

    test('boot digests tell kernels apart, and nothing else', async ({ deploy }) => {
      const [one, two, three] = [await deploy(1), await deploy(2), await deploy(3)]
      assert.equal(one.bootDigest, two.bootDigest)
      assert.notEqual(two.bootDigest, three.bootDigest)
    })

    test('the same image can be deployed twice, or its id is known beforehand', async (bench) => {
      const { deployments, images } = bench.backend
      const { image } = await importImage(images, releaseImage(1))
      const known = await deployments.idOf?.(image, bench.lock)
      const [one, two] = [await bench.deploy(1), await bench.deploy(1)]
      const listed = (await allOf(deployments.list())).map(({ id }) => id)
      if (known === undefined) assert.notEqual(one.id, two.id)
      else assert.deepEqual([one.id, two.id, ...listed], [known, known, known])
      assert.deepEqual(listed.sort(), [...new Set([one.id, two.id])].sort())
    })

    test('a deployment made again is a fresh one', async (bench) => {
      const { deployments, images } = bench.backend
      const { image } = await importImage(images, releaseImage(1))
      if ((await deployments.idOf?.(image, bench.lock)) === undefined) return
      const { id } = await bench.deploy(1)
      await (await deployments.etc(id, bench.lock)).write('left-over', Buffer.from('x'))
      await bench.deploy(1, otherImage)
      assert.equal(await (await deployments.etc(id, bench.lock)).stat('left-over'), undefined)
      assert.deepEqual(
        (await allOf(deployments.list())).map(({ origin }) => origin),
        [otherImage],
      )
    })

    test('/etc is seeded on first use, then kept, then thrown away on request', async (bench) => {
      const { deployments } = bench.backend
      const { id } = await bench.deploy(1)
      const etc = await deployments.etc(id, bench.lock)
      assert.equal(await readText(etc, 'hostname'), 'unset\n')
      assert.equal((await etc.stat('shadow'))?.mode, 0o600)
      await etc.write('hostname', Buffer.from('mine\n'))
      assert.equal(await readText(await deployments.etc(id, bench.lock), 'hostname'), 'mine\n')
      assert.equal(await readText((await deployments.currentEtc(id))!, 'hostname'), 'mine\n')
      assert.equal(await readText(await deployments.defaults(id), 'hostname'), 'unset\n')
      const fresh = await deployments.resetEtc(id, bench.lock)
      assert.equal(await readText(fresh, 'hostname'), 'unset\n')
    })

    test('/etc can be reset after sealing, so that a finalize can be repeated', async (bench) => {
      const { deployments } = bench.backend
      const { id } = await bench.deploy(1)
      for (let round = 0; round < 2; round++) {
        const etc = await deployments.resetEtc(id, bench.lock)
        assert.equal(await etc.stat('round'), undefined)
        await etc.write('round', Buffer.from(String(round)))
        await deployments.seal(id, bench.lock)
      }
      assert.equal(await readText((await deployments.currentEtc(id))!, 'round'), '1')
    })

    test('the staged record is kept in /run only, and forgotten when told', async (bench) => {
      const { deployments } = bench.backend
      assert.equal(await deployments.staged(), undefined)
      const { id } = await bench.deploy(1)
      const kargs = ['root=LABEL=root', 'quiet', 'level=1']
      const record: StagedRecord = { id, kargs, locked: false }
      await deployments.setStaged(record, bench.lock)
      const read = await (await bench.reopen()).deployments.staged()
      assert.deepEqual({ ...read, mergeFrom: undefined }, { ...record, mergeFrom: undefined })
      await deployments.setStaged({ ...record, locked: true }, bench.lock)
      assert.equal((await deployments.staged())?.locked, true)
      await deployments.setStaged(undefined, bench.lock)
      assert.equal(await deployments.staged(), undefined)
    })

    test('boot specs say what to boot, in order, with files that can be read', async (bench) => {
      const { deployments } = bench.backend
      const [one, three] = [await bench.deploy(1), await bench.deploy(3)]
      const order = [
        { id: three.id, kargs: ['rw', 'level=3'] },
        { id: one.id, kargs: ['rw', 'level=1'] },
      ]
      const specs = await deployments.bootSpecs(order, 1)
      assert.deepEqual(
        specs.map(({ id, kargs }) => ({ id, kargs: kargs.filter((karg) => !karg.includes('root=')) })),
        order,
      )
      for (const { artifact, rootKargs, title, osId } of specs) {
        assert.ok(artifact.kind === 'linux' && rootKargs.length > 0 && title !== '' && osId !== '')
        for (const { tree, path, sizeBytes } of [artifact.kernel, ...artifact.initrds]) {
          assert.equal((await readAll(tree, path)).length, sizeBytes)
        }
        assert.match(artifact.dir, /^[^/].*[0-9a-f]{64}$/)
      }
      assert.notEqual(specs[0]!.artifact.bootDigest, specs[1]!.artifact.bootDigest)
    })

    test('after activate, root arguments lead back to their deployments', async (bench) => {
      const { deployments } = bench.backend
      const ids = [(await bench.deploy(2)).id, (await bench.deploy(1)).id]
      for (const version of [0, 1] as const) {
        await deployments.activate(ids, version, bench.lock)
        const specs = await deployments.bootSpecs(
          ids.map((id) => ({ id, kargs: [] })),
          version,
        )
        for (const [index, { rootKargs }] of specs.entries()) {
          const cmdline = `BOOT_IMAGE=/vmlinuz quiet ${rootKargs.join(' ')} rw`
          assert.equal(await deployments.identify(cmdline), ids[index])
          if (deployments.bootVersion) assert.equal(deployments.bootVersion(cmdline), version)
        }
      }
    })

    test('a store that relinks changes the meaning of a version\u2019s arguments', async (bench) => {
      const { deployments } = bench.backend
      if (!deployments.supports.relink) return
      const [one, two] = [await bench.deploy(1), await bench.deploy(2)]
      await deployments.activate([one.id], 0, bench.lock)
      const [spec] = await deployments.bootSpecs([{ id: one.id, kargs: [] }], 0)
      await deployments.activate([two.id], 0, bench.lock)
      assert.equal(await deployments.identify(spec!.rootKargs.join(' ')), two.id)
    })

    test('command lines of something else lead nowhere', async ({ backend: { deployments } }) => {
      for (const cmdline of ['', 'root=/dev/sda1 rw', 'ostree=/ostree/boot.0/x/y/0', 'memory=deploy/none']) {
        assert.equal(await deployments.identify(cmdline), undefined, cmdline)
      }
    })

    test('origin and pin are changed in place', async ({ backend, deploy, lock, reopen }) => {
      const { id } = await deploy(1)
      await backend.deployments.setOrigin(id, otherImage, lock)
      await backend.deployments.setPinned(id, true, lock)
      const [listed] = await allOf((await reopen()).deployments.list())
      assert.deepEqual(listed?.origin, otherImage)
      assert.equal(listed?.pinned, true)
      await backend.deployments.setPinned(id, false, lock)
      assert.equal((await allOf(backend.deployments.list()))[0]?.pinned, false)
    })

    test('prune removes what is neither ordered nor staged, sealed or not', async (bench) => {
      const { backend, lock } = bench
      const { deployments } = backend
      const made = [await bench.deploy(1), await bench.deploy(2), await bench.deploy(3)]
      const [one, two, three] = made.map(({ id }) => id) as [string, string, string]
      for (const id of [one, two]) {
        await deployments.etc(id, lock)
        await deployments.seal(id, lock)
      }
      await deployments.activate([two], 1, lock)
      await deployments.prune({ order: [two], staged: three, version: 1 }, lock)
      const left = (await allOf(deployments.list())).map(({ id }) => id)
      assert.deepEqual(left.sort(), [two, three].sort())
      await rejectsWith(/^(DEPLOY|STORE|TREE)_/, async () => readText(await deployments.root(one), 'usr/x'))
      await deployments.prune({ order: [two], version: 1 }, lock)
      assert.deepEqual(
        (await allOf(deployments.list())).map(({ id }) => id),
        [two],
      )
    })

    test('an aborted create leaves nothing in the list', async ({ backend, lock }) => {
      const { image } = await importImage(backend.images, releaseImage(1))
      const init = { origin: followed, stateroot: 'default' }
      await rejectsWithReason((signal) => backend.deployments.create(image, init, lock, { signal }))
      assert.deepEqual(await allOf(backend.deployments.list()), [])
    })

    test('images of deployments survive a prune of images that keeps them', async ({ backend, deploy }) => {
      const { id } = await deploy(1)
      await backend.images.prune(new Set([releaseImage(1).manifestDigest]))
      const root = await backend.deployments.root(id)
      assert.equal(await readText(root, 'usr/bin/app'), 'program')
    })
  })
}
