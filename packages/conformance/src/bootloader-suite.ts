import assert from 'node:assert/strict'
import type { Bootloader, BootSpec, Sysroot, SysrootLock } from '@bootc-sdk/core'
import { describeTree, memoryDir, readAll, type MemoryDir } from '@bootc-sdk/core/testing'
import { isPlainData, methodMatches, rejectsWith } from './checks.js'
import { group, type Runner } from './runner.js'

export interface BootloaderSuiteOptions extends Runner {
  /** For test names. */
  readonly name: string
  /** Specs ask for sets that are exchanged, as those of composefs do. */
  readonly entrySet?: BootSpec['entrySet']
  /** A loader initialised on an empty sysroot. `bootBytes`: room on its boot volume. */
  readonly create: (room: { readonly bootBytes?: number }) => Promise<{
    readonly sysroot: Sysroot
    readonly loader: Bootloader
    readonly dispose?: () => Promise<void>
  }>
}

interface Bench {
  readonly sysroot: Sysroot
  readonly loader: Bootloader
  readonly lock: SysrootLock
}

/** Plan, prepare, commit, prune of a boot loader's files. */
export function bootloaderSuite(options: BootloaderSuiteOptions): void {
  const specOf = (title: string, generation: number, bytes = 0) =>
    makeSpec({ title, generation, bytes, entrySet: options.entrySet })
  const test = (title: string, run: (bench: Bench) => Promise<void>, room: { bootBytes?: number } = {}) =>
    options.test(title, async () => {
      const { sysroot, loader, dispose } = await options.create(room)
      try {
        await using lock = await sysroot.lock()
        await run({ sysroot, loader, lock })
      } finally {
        await dispose?.()
      }
    })

  group(options, `${options.name}: boot loader`, () => {
    test('methods are there exactly when they are claimed', async ({ loader }) => {
      assert.ok(Object.isFrozen(loader.supports), 'supports is frozen')
      methodMatches(loader.supports.bootCounting, loader.markGood, 'markGood')
    })

    test('a fresh loader has no entries', async ({ loader }) => {
      const { entries, prepared } = await loader.read()
      assert.deepEqual([entries, prepared], [[], []])
    })

    test('a plan writes nothing and tells the bytes it takes', async ({ sysroot, loader }) => {
      const before = await describeTree(sysroot.boot.dir)
      const plan = await loader.plan([await specOf('new', 1), await specOf('old', 1)], 0)
      assert.equal(plan.changed, true)
      // One kernel for both, or none where it becomes a hard link.
      assert.ok([0, kernelBytes].includes(plan.bytesNeeded.boot + plan.bytesNeeded.esp))
      assert.deepEqual(await describeTree(sysroot.boot.dir), before)
    })

    test('what is prepared does not boot; what is committed does, in order', async (bench) => {
      const { loader, lock } = bench
      await commit(bench, [await specOf('first', 1)], 0)
      const plan = await loader.plan([await specOf('second', 2), await specOf('first', 1)], 1)
      await loader.prepare(plan, lock)
      assert.deepEqual(await titles(loader), ['first'])
      assert.deepEqual(
        (await loader.read()).prepared.map(({ title }) => title),
        ['second', 'first'],
      )
      await loader.commit(plan, lock)
      assert.deepEqual(await titles(loader), ['second', 'first'])
      assert.equal((await loader.read()).version ?? 1, 1)
      isPlainData((await loader.read()).entries)
    })

    test('preparing twice is as good as once', async (bench) => {
      const { loader, lock } = bench
      const plan = await loader.plan([await specOf('only', 1)], 0)
      await loader.prepare(plan, lock)
      await loader.prepare(plan, lock)
      await loader.commit(plan, lock)
      assert.deepEqual(await titles(loader), ['only'])
    })

    test('entries name kernel and initramfs as the boot volume has them', async (bench) => {
      await commit(bench, [await specOf('only', 1)], 0)
      const [entry] = (await bench.loader.read()).entries
      const { dir, bootPrefix } = bench.sysroot.boot
      for (const path of [entry!.linux!, ...entry!.initrds]) {
        assert.ok(path.startsWith(bootPrefix), `${path} starts with ${bootPrefix}`)
        assert.ok((await readAll(dir, path.slice(bootPrefix.length))).length > 0)
      }
      assert.equal(entry!.initrds.length, 1)
    })

    test('root arguments replace equal keys in place, others come behind', async (bench) => {
      const spec = await specOf('only', 1)
      const kargs = ['rw', 'select=stale', 'quiet']
      await commit(bench, [{ ...spec, kargs, rootKargs: ['select=fresh', 'more=1'] }], 0)
      const [entry] = (await bench.loader.read()).entries
      assert.equal(entry?.options, 'rw select=fresh quiet more=1')
    })

    test('keys that other tools keep in entries stay there', async (bench) => {
      const extra = [['x-options-source-tuned', 'isolcpus=1']] as const
      await commit(bench, [{ ...(await specOf('only', 1)), extra }], 0)
      assert.deepEqual((await bench.loader.read()).entries[0]?.extra, extra)
    })

    test('the same specs again are no change', async (bench) => {
      const specs = [await specOf('one', 1), await specOf('two', 2)]
      await commit(bench, specs, 0)
      assert.equal((await bench.loader.plan(specs, 0)).changed, false)
      assert.equal((await bench.loader.plan(specs.toReversed(), 1)).changed, true)
      const longer = specs.map((spec) => ({ ...spec, kargs: [...spec.kargs, 'debug'] }))
      assert.equal((await bench.loader.plan(longer, 1)).changed, true)
    })

    test('tries of the default are kept as the loader has them, until it is marked good', async (bench) => {
      const { loader, lock } = bench
      if (!loader.supports.bootCounting) return
      const specs = [await specOf('new', 2), await specOf('old', 1)] as const
      const onTrial = [{ ...specs[0], count: { left: 3, done: 0 } }, specs[1]]
      await commit(bench, [specs[1]], 0)
      await commit(bench, onTrial, 1)
      const counts = async () => (await loader.read()).entries.map(({ count }) => count ?? null)
      assert.deepEqual(await counts(), [{ left: 3, done: 0 }, null])
      assert.equal((await loader.plan(onTrial, 1)).changed, false)
      // Somebody who says nothing of tries does not mean that there are none.
      assert.equal((await loader.plan(specs, 1)).changed, false)
      await loader.prune((await loader.read()).entries, lock)
      assert.deepEqual(await counts(), [{ left: 3, done: 0 }, null])
      for (let round = 0; round < 2; round++) {
        await loader.markGood?.((await loader.read()).entries[0]!, lock)
        assert.deepEqual(await counts(), [null, null])
        assert.equal((await loader.plan(specs, 1)).changed, false)
      }
      await commit(bench, [specs[1], specs[0]], 0)
      assert.deepEqual(await counts(), [null, null])
    })

    test('tries do not go over to an entry that comes in place of the one they were for', async (bench) => {
      const { loader } = bench
      if (!loader.supports.bootCounting) return
      const [first, second] = [await specOf('new', 2), await specOf('old', 1)]
      await commit(bench, [second], 0)
      await commit(bench, [{ ...first, count: { left: 2, done: 1 } }, second], 1)
      await commit(bench, [await specOf('other', 3), second], 0)
      assert.deepEqual(
        (await loader.read()).entries.map(({ count }) => count ?? null),
        [null, null],
      )
    })

    test('versions take turns many times', async (bench) => {
      for (let round = 0; round < 5; round++) {
        await commit(bench, [await specOf(`round ${round}`, round)], round % 2 === 0 ? 0 : 1)
        assert.deepEqual(await titles(bench.loader), [`round ${round}`])
      }
    })

    test('prune keeps kernels of kept entries, shared ones too, and removes the rest', async (bench) => {
      const { loader, lock, sysroot } = bench
      await commit(bench, [await specOf('a', 1), await specOf('b', 2)], 0)
      await commit(bench, [await specOf('c', 2), await specOf('d', 3)], 1)
      const { entries } = await loader.read()
      await loader.prune(entries, lock)
      const lines = (await describeTree(sysroot.boot.dir)).filter((line) => /\/vmlinuz /.test(line))
      assert.deepEqual(lines.map((line) => /generation \d/.exec(line)?.[0]).sort(), [
        'generation 2',
        'generation 3',
      ])
      const after = await loader.read()
      assert.deepEqual(after.entries, entries)
      assert.deepEqual(after.prepared, [])
      const before = await describeTree(sysroot.boot.dir)
      await loader.prune(entries, lock)
      assert.deepEqual(await describeTree(sysroot.boot.dir), before)
    })

    test('prune keeps the kernels of a prepared set that is to be kept', async (bench) => {
      const { loader, lock, sysroot } = bench
      await commit(bench, [await specOf('now', 1)], 0)
      const plan = await loader.plan([await specOf('next', 2), await specOf('now', 1)], 1)
      await loader.prepare(plan, lock)
      const { entries, prepared } = await loader.read()
      await loader.prune([...entries, ...prepared], lock)
      const lines = (await describeTree(sysroot.boot.dir)).filter((line) => /\/vmlinuz /.test(line))
      assert.equal(lines.length, 2)
      await loader.commit(await preparedAgain(bench, plan.specs, 1), lock)
      assert.deepEqual(await titles(loader), ['next', 'now'])
    })

    test(
      'a boot volume that is too small is told before or while preparing, and keeps what boots',
      async (bench) => {
        const { loader, lock } = bench
        await commit(bench, [await specOf('now', 1)], 0)
        const plan = await loader.plan([await specOf('big', 2, 40_000), await specOf('now', 1)], 1)
        assert.ok(plan.bytesNeeded.boot >= 40_000)
        await rejectsWith(/^(BOOT|TREE)_NO_SPACE$/, () => loader.prepare(plan, lock))
        assert.deepEqual(await titles(loader), ['now'])
        await loader.prune((await loader.read()).entries, lock)
        await commit(bench, [await specOf('next', 1), await specOf('now', 1)], 1)
        assert.deepEqual(await titles(loader), ['next', 'now'])
      },
      { bootBytes: 20_000 },
    )

    test('aborting a prepare rejects with the reason and keeps what boots', async (bench) => {
      const { loader, lock } = bench
      await commit(bench, [await specOf('now', 1)], 0)
      const plan = await loader.plan([await specOf('next', 2)], 1)
      const reason = new Error('stop')
      const aborted = loader.prepare(plan, lock, { signal: AbortSignal.abort(reason) })
      await assert.rejects(aborted, (error) => error === reason)
      assert.deepEqual(await titles(loader), ['now'])
    })
  })
}

async function commit({ loader, lock }: Bench, specs: readonly BootSpec[], version: 0 | 1): Promise<void> {
  const plan = await loader.plan(specs, version)
  await loader.prepare(plan, lock)
  await loader.commit(plan, lock)
}

async function preparedAgain({ loader, lock }: Bench, specs: readonly BootSpec[], version: 0 | 1) {
  const plan = await loader.plan(specs, version)
  await loader.prepare(plan, lock)
  return plan
}

async function titles(loader: Bootloader): Promise<string[]> {
  return (await loader.read()).entries.map(({ title }) => title)
}

const kernelText = (generation: number) => `generation ${generation}`
const initrdText = 'initramfs'
const kernelBytes = kernelText(1).length + initrdText.length

interface Wanted {
  readonly title: string
  readonly generation: number
  /** Size of the kernel, when it is to be large. */
  readonly bytes: number
  readonly entrySet: BootSpec['entrySet']
}

/** A deployment of a store that only exists for this: what boots is a kernel of a generation. */
async function makeSpec({ title, generation, bytes, entrySet }: Wanted): Promise<BootSpec> {
  const tree: MemoryDir = memoryDir()
  const kernel = Buffer.alloc(Math.max(bytes, kernelText(generation).length))
  kernel.write(kernelText(generation))
  await tree.write('vmlinuz', kernel)
  await tree.write('initramfs.img', Buffer.from(initrdText))
  const digits = String(generation).repeat(64).slice(0, 64)
  return {
    ...{ id: title, title, version: String(generation), osId: 'testos' },
    artifact: {
      kind: 'linux',
      bootDigest: `sha256:${digits}`,
      dir: entrySet === undefined ? `ostree/default-${digits}` : `bootc_composefs-${digits}${digits}`,
      kernel: { name: 'vmlinuz', tree, path: 'vmlinuz', sizeBytes: kernel.length },
      initrds: [{ name: 'initramfs.img', tree, path: 'initramfs.img', sizeBytes: initrdText.length }],
    },
    rootKargs: [`select=${title}`],
    kargs: ['rw', 'quiet'],
    ...(entrySet === undefined ? {} : { entrySet, fileName: `bootc_testos-${generation}-0.conf` }),
  }
}
