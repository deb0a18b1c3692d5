import assert from 'node:assert/strict'
import { isBootcError, openBootc, type Bootc, type Dir, type Sysroot, type Volume } from '@bootc-sdk/core'
import { readText } from '@bootc-sdk/core/store-kit'
import { Lab, restart, type Pair, type Running } from './machine.js'
import { diskText } from './pair-checks.js'
import { releaseImage } from './release-image.js'
import { group, type Runner } from './runner.js'

export interface EditedEntriesSuiteOptions extends Runner, Pair {
  /** For test names. */
  readonly name: string
}

/**
 * Boot entries in files (`loader/entries/*.conf`) that people, other programs and power cuts have been at: what
 * is not understood is kept, what is broken does not stop the machine from healing.
 */
export function editedEntriesSuite(options: EditedEntriesSuiteOptions): void {
  const { test, name } = options
  /** Version 2 runs, version 1 is behind it. */
  const upgraded = async (): Promise<{ lab: Lab; second: Running }> => {
    const lab = new Lab(options)
    lab.release(releaseImage(1))
    const first = await lab.boot(await lab.install())
    lab.release(releaseImage(2))
    await first.bootc.upgrade()
    return { lab, second: await restart(lab, first) }
  }
  const upgradeTo = async (lab: Lab, running: Running, version: number) => {
    lab.release(releaseImage(version))
    const { warnings } = await running.bootc.upgrade()
    assert.deepEqual(
      warnings.filter(({ code }) => code === 'prune:failed'),
      [],
    )
    return restart(lab, running)
  }

  group(options, `${name}: edited entries`, () => {
    test('unknown keys stay with their entry, and those of the name space x- are inherited', async () => {
      const { lab, second } = await upgraded()
      await edit(second, 0, (text) => `${text}grub_users root\nx-note a b\n`)
      await edit(second, 1, (text) => `x-note older\n${text}grub_class other\n`)
      const { bootc } = second
      assert.deepEqual(await keys(bootc), ['grub_users root,x-note a b', 'x-note older,grub_class other'])
      await bootc.rollback()
      assert.deepEqual(await keys(bootc), ['x-note older,grub_class other', 'grub_users root,x-note a b'])
      await bootc.rollback()
      await bootc.editKargs({ append: ['by.hand=1'] })
      assert.match((await keys((await restart(lab, second)).bootc))[0]!, /x-note a b/)
    })

    test('an upgrade keeps them on the entry behind', async () => {
      const { lab, second } = await upgraded()
      await edit(second, 0, (text) => `${text}grub_users root\nx-note a b\n`)
      const third = await upgradeTo(lab, second, 3)
      assert.deepEqual(await keys(third.bootc), ['x-note a b', 'grub_users root,x-note a b'])
      assert.deepEqual(await keys((await upgradeTo(lab, third, 4)).bootc), ['x-note a b', 'x-note a b'])
    })

    test('lines that end as on other systems, empty lines and comments change nothing', async () => {
      const { lab, second } = await upgraded()
      const before = await cmdlines(second.bootc)
      for (const place of [0, 1]) {
        await edit(second, place, (text) => `# by hand\r\n\r\n${text.replaceAll('\n', '\r\n')}`)
      }
      assert.deepEqual(await cmdlines(second.bootc), before)
      assert.equal((await second.bootc.status()).rollback?.deployment.image?.version, '1')
      await second.bootc.rollback()
      assert.equal((await lab.wouldBoot(second.sysroot)).version, '1')
    })

    test('options on several lines are one command line, as boot loaders take them', async () => {
      const { lab, second } = await upgraded()
      await edit(second, 0, (text) => `${text}options by.hand=1  and=2\n`)
      assert.match((await cmdlines(second.bootc))[0]!, / by\.hand=1 {1,2}and=2$/)
      const third = await upgradeTo(lab, second, 3)
      assert.match(third.boot.cmdline, / by\.hand=1 and=2\b/)
    })

    for (const [how, cut] of [
      ['empty', () => ''],
      ['cut off in its options', (text: string) => text.slice(0, text.indexOf('options') + 12)],
      ['cut off in its title', (text: string) => text.slice(0, 8)],
      ['garbage', () => '\0\u0001\ufffd'.repeat(300)],
    ] as const) {
      test(`the entry of the running deployment is ${how}: it is kept, and the next upgrade heals the list`, async () => {
        const { lab, second } = await upgraded()
        await edit(second, 0, cut)
        const state = await second.bootc.status()
        assert.equal(state.booted?.deployment.image?.version, '2')
        await second.bootc.prune()
        const third = await upgradeTo(lab, second, 3)
        assert.equal(third.boot.version, '3')
        const versions = (await third.bootc.status()).order.map(({ deployment }) => deployment.image?.version)
        assert.deepEqual(versions, ['3', '2'])
        assert.equal((await lab.wouldBoot(third.sysroot, 1)).version, '2')
        assert.ok((await third.bootc.entries()).every(({ deployment }) => deployment !== undefined))
      })
    }

    test('an entry of another program that leads nowhere stays as it is', async () => {
      const { lab, second } = await upgraded()
      const text = 'title Memory test\nlinux /memtest86+x64.bin\n'
      const { dir, path } = await entriesOf(second.sysroot)
      await dir.write(`${path}/a-memtest.conf`, Buffer.from(text))
      const third = await upgradeTo(lab, second, 3)
      const after = await entriesOf(third.sysroot)
      assert.equal(await readText(after.dir, `${after.path}/a-memtest.conf`), text)
      assert.equal((await third.bootc.entries()).length, 2)
    })

    test('a kernel that has gone is put back with the next change', async () => {
      const { lab, second } = await upgraded()
      const third = await upgradeTo(lab, second, 3)
      const [, old] = await third.bootc.entries()
      const { dir } = await entriesOf(third.sysroot)
      const kernel = old!.entry.linux!.replace(/^\/+(?:boot\/)?/, '')
      assert.ok(await dir.stat(kernel))
      await dir.remove(kernel)
      await third.bootc.rollback()
      assert.equal((await lab.wouldBoot(third.sysroot)).version, '2')
    })

    test('a full volume is refused while staging, with the bytes needed and there', async () => {
      const { lab, second } = await upgraded()
      lab.release(releaseImage(3))
      const before = await diskText(second.sysroot.disks)
      const full = await openBootc({
        ...{ sysroot: withFreeBytes(second.sysroot, 1000), lockTimeoutMs: 0 },
        ...{ stores: [options.store()], bootloaders: [options.bootloader()], transports: [lab.transport] },
      })
      await assert.rejects(full.upgrade(), (error) => {
        assert.ok(isBootcError(error, 'BOOT_NO_SPACE'), String(error))
        assert.equal(error.details.freeBytes, 1000)
        assert.ok(error.details.needBytes > 1000)
        return true
      })
      const state = await second.bootc.status()
      assert.equal(state.staged, undefined)
      assert.equal((await lab.wouldBoot(second.sysroot)).version, '2')
      const bootFiles = (text: string) => text.split('\n').filter((line) => /vmlinuz|\.conf\b/.test(line))
      assert.deepEqual(
        bootFiles(await diskText(second.sysroot.disks)).filter((line) => !line.includes('/usr/')),
        bootFiles(before).filter((line) => !line.includes('/usr/')),
      )
      assert.equal((await second.bootc.upgrade()).outcome, 'staged')
    })
  })
}

/** Keys beyond the common ones, by entry; without those that belong to the place in the list. */
async function keys(bootc: Bootc): Promise<string[]> {
  return (await bootc.entries()).map(({ entry }) =>
    entry.extra
      .filter(([key]) => !['sort-key', 'fdtdir'].includes(key))
      .map(([key, value]) => `${key} ${value}`)
      .join(','),
  )
}

async function cmdlines(bootc: Bootc): Promise<string[]> {
  return (await bootc.entries()).map(({ entry }) => entry.options)
}

/** The volume and directory with the entries that boot. */
async function entriesOf({
  boot,
  esps,
}: Pick<Sysroot, 'boot' | 'esps'>): Promise<{ dir: Dir; path: string }> {
  for (const { dir } of [...esps, boot]) {
    const loader = await dir.stat('loader')
    const top = loader?.type === 'symlink' ? await dir.readlink('loader') : 'loader'
    const path = `${top}/entries`
    if ((await dir.stat(top))?.type !== 'directory' || (await dir.stat(path)) === undefined) continue
    for await (const { name } of dir.list(path)) if (/^(?:ostree-|bootc_)/.test(name)) return { dir, path }
  }
  throw new Error('there are no entries')
}

async function edit(running: Running, place: number, change: (text: string) => string): Promise<void> {
  const { dir, path } = await entriesOf(running.sysroot)
  const file = `${path}/${(await running.bootc.entries())[place]!.entry.fileName}`
  await dir.write(file, Buffer.from(change((await readText(dir, file)) ?? '')))
  await dir.sync()
}

function withFreeBytes(sysroot: Sysroot, freeBytes: number): Sysroot {
  const space = () => Promise.resolve({ freeBytes, totalBytes: 1e6 })
  const full = (volume: Volume): Volume => ({ ...volume, dir: { ...volume.dir, space } })
  return { ...sysroot, boot: full(sysroot.boot), esps: sysroot.esps.map(full) }
}
