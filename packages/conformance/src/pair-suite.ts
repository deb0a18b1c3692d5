import assert from 'node:assert/strict'
import { isPlainData, rejectsWith, allOf } from './checks.js'
import { copyDisks, editEtc, Lab, otherImage, restart, type Pair, type Running } from './machine.js'
import { assertClean, assertMergedEtc, diskText } from './pair-checks.js'
import { releaseImage } from './release-image.js'
import { group, type Runner } from './runner.js'

export interface PairSuiteOptions extends Runner, Pair {
  /** For test names: `ostree with grub`. */
  readonly name: string
}

/**
 * The whole life of a machine on one store and one loader, run by core's orchestration on disks in memory and
 * judged by `simulateBoot`.
 */
export function pairSuite(options: PairSuiteOptions): void {
  const { test, name } = options
  const lab = async (): Promise<{ lab: Lab; first: Running }> => {
    const made = new Lab(options)
    made.release(releaseImage(1))
    return { lab: made, first: await made.boot(await made.install()) }
  }
  /** Version 2 running, edited, with version 1 as its rollback. */
  const upgraded = async () => {
    const start = await lab()
    await editEtc(start.first)
    start.lab.release(releaseImage(2))
    await start.first.bootc.upgrade()
    return { ...start, second: await restart(start.lab, start.first) }
  }

  group(options, `${name}: life of a machine`, () => {
    test('install makes the image boot, with its kernel arguments behind those given', async () => {
      const { first } = await lab()
      assert.equal(first.boot.version, '1')
      const words = first.boot.cmdline.split(' ')
      const own = words.filter((word) => ['root=LABEL=root', 'rw', 'quiet', 'level=1'].includes(word))
      assert.deepEqual(own, ['root=LABEL=root', 'rw', 'quiet', 'level=1'])
      assert.equal(await first.boot.read('etc/hostname'), 'unset\n')
      assert.equal(await first.boot.read('var/lib/seed'), 'copied once\n')
    })

    test('status of a fresh machine: one deployment, booted, following its image', async () => {
      const { first } = await lab()
      const before = await diskText(first.sysroot.disks)
      const state = await first.bootc.status()
      assert.equal(state.booted?.deployment.origin?.image.name, 'registry.test/os:stable')
      assert.equal(state.booted?.deployment.image?.version, '1')
      assert.equal(state.order.length, 1)
      assert.equal(state.rollback, undefined)
      assert.equal(state.staged, undefined)
      isPlainData(state)
      assert.equal(await diskText(first.sysroot.disks), before, 'status writes nothing')
    })

    test('an upgrade to what runs already changes nothing', async () => {
      const { first } = await lab()
      const before = await diskText(first.sysroot.disks)
      assert.equal((await first.bootc.upgrade()).outcome, 'up-to-date')
      assert.equal(await diskText(first.sysroot.disks), before)
    })

    test('a staged upgrade is invisible to the next boot until it is finalized', async () => {
      const { lab: made, first } = await lab()
      made.release(releaseImage(2))
      assert.equal((await first.bootc.upgrade()).outcome, 'staged')
      const crashed = await made.boot(copyDisks(first.sysroot.disks))
      assert.equal(crashed.boot.version, '1')
      const state = await first.bootc.status()
      assert.equal(state.staged?.deployment.image?.version, '2')
      assert.equal(state.booted?.deployment.image?.version, '1')
      assert.equal((await first.bootc.upgrade()).outcome, 'already-staged')
      assert.equal((await restart(made, first)).boot.version, '2')
    })

    test('finalize merges /etc, and a second finalize has nothing to do', async () => {
      const { lab: made, first } = await lab()
      await editEtc(first)
      made.release(releaseImage(2))
      await first.bootc.upgrade()
      assert.equal((await first.bootc.finalize()).outcome, 'finalized')
      assert.equal((await first.bootc.finalize()).outcome, 'nothing-staged')
      const second = await made.boot(first.sysroot.disks)
      assert.equal(second.boot.version, '2')
      await assertMergedEtc(second, '2')
      assert.match(second.boot.cmdline, /\brw\b.*\blevel=2\b/)
      assert.doesNotMatch(second.boot.cmdline, /level=1/)
    })

    test('rollback boots the old deployment with its own /etc, and again takes it back', async () => {
      const { lab: made, second } = await upgraded()
      assert.equal((await second.bootc.rollback()).next, 'rollback')
      assert.equal((await second.bootc.status()).rollbackQueued, true)
      assert.equal((await second.bootc.rollback()).next, 'current')
      assert.equal((await made.wouldBoot(second.sysroot)).version, '2')
      await second.bootc.rollback()
      const old = await made.boot(second.sysroot.disks)
      assert.equal(old.boot.version, '1')
      await assertMergedEtc(old, '1')
      assert.equal((await old.bootc.status()).rollback?.deployment.image?.version, '2')
    })

    test('a third version replaces the oldest and leaves nothing of it', async () => {
      const { lab: made, second } = await upgraded()
      made.release(releaseImage(3))
      await second.bootc.upgrade()
      const third = await restart(made, second)
      assert.equal(third.boot.version, '3')
      await assertMergedEtc(third, '3')
      assert.equal(third.boot.menu.length, 2)
      await third.bootc.prune()
      const state = await third.bootc.status()
      assert.deepEqual(state.orphans, [])
      const store = await third.bootc.store()
      const versions = (await allOf(store.images.list())).map(
        ({ config }) => config.config?.Labels?.['org.opencontainers.image.version'],
      )
      assert.deepEqual(versions.sort(), ['2', '3'])
      await assertClean(third.sysroot.disks)
      assert.equal((await made.wouldBoot(third.sysroot, 1)).version, '2')
    })

    test('kernels are on the boot volume once each, and go with their last entry', async () => {
      const { lab: made, second } = await upgraded()
      const kernels = async ({ sysroot }: Running) =>
        (await diskText(sysroot.disks))
          .split('\n')
          .filter((line) => /vmlinuz/.test(line) && !line.includes('/usr/')).length
      assert.equal(await kernels(second), 1, 'versions 1 and 2 share a kernel')
      made.release(releaseImage(3))
      await second.bootc.upgrade()
      const third = await restart(made, second)
      assert.equal(await kernels(third), 2)
      made.release(releaseImage(4))
      await third.bootc.upgrade()
      const fourth = await restart(made, third)
      assert.equal(fourth.boot.version, '4')
      assert.equal(await kernels(fourth), 1, 'versions 3 and 4 share the newer one')
    })

    test('switch follows another image and keeps /etc', async () => {
      const { lab: made, second } = await upgraded()
      made.release(releaseImage(5), otherImage)
      assert.equal((await second.bootc.switch(otherImage)).outcome, 'staged')
      const switched = await restart(made, second)
      assert.equal(switched.boot.version, '5')
      await assertMergedEtc(switched, '5')
      const state = await switched.bootc.status()
      assert.equal(state.booted?.deployment.origin?.image.name, 'registry.test/other:stable')
      assert.equal(state.rollback?.deployment.origin?.image.name, 'registry.test/os:stable')
    })

    test('a locked download is not applied at shutdown, and is once it is unlocked', async () => {
      const { lab: made, first } = await lab()
      made.release(releaseImage(2))
      assert.equal((await first.bootc.upgrade({ downloadOnly: true })).outcome, 'downloaded')
      assert.equal((await first.bootc.finalize()).outcome, 'locked')
      assert.equal((await made.wouldBoot(first.sysroot)).version, '1')
      await first.bootc.upgrade({ fromDownloaded: true })
      assert.equal((await restart(made, first)).boot.version, '2')
    })

    test('a pinned deployment outlives the upgrades that would remove it', async () => {
      const { lab: made, second } = await upgraded()
      const { rollback } = await second.bootc.status()
      assert.ok(rollback)
      await second.bootc.pin(rollback.id, true)
      made.release(releaseImage(3))
      await second.bootc.upgrade()
      const third = await restart(made, second)
      const versions = (await third.bootc.status()).order.map(({ deployment }) => deployment.image?.version)
      assert.deepEqual(versions, ['3', '2', '1'])
      assert.equal((await made.wouldBoot(third.sysroot, 2)).version, '1')
    })

    test('one writer at a time: the second is told that the sysroot is locked', async () => {
      const { lab: made, first } = await lab()
      made.release(releaseImage(2))
      const held = await first.sysroot.lock()
      await rejectsWith(/^TREE_LOCKED$/, () => first.bootc.upgrade())
      await held[Symbol.asyncDispose]()
      assert.equal((await first.bootc.upgrade()).outcome, 'staged')
    })

    test('a failed download changes nothing that boots and leaves nothing behind', async () => {
      const { lab: made, first } = await lab()
      const broken = releaseImage(2)
      const layer = broken.layers[2]!.descriptor.digest
      const blobs = new Map(broken.blobs)
      blobs.set(layer, blobs.get(layer)!.slice(0, -20))
      made.release({ ...broken, blobs })
      await rejectsWith(/^IMAGE_/, () => first.bootc.upgrade())
      const state = await first.bootc.status()
      assert.equal(state.staged, undefined)
      await assertClean(first.sysroot.disks)
      made.release(broken)
      assert.equal((await first.bootc.upgrade()).outcome, 'staged')
    })
  })
}
