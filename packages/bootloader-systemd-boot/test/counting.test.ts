import { isBootcError } from '@bootc-sdk/core'
import { memoryDir, memorySysroot, fakeHost, simulateBoot, BootFailure } from '@bootc-sdk/core/testing'
import { describe, expect, test } from 'vitest'
import { bench, bls, idA, idB } from './specs.js'

const active = 'loader/entries'

describe('boot counting', () => {
  test('an entry on trial has its tries in its name, and a count of the loader is no change', async () => {
    const { commit, loader, files, esp } = await bench()
    const specs = [await bls(idB, 0, { count: { left: 3, done: 0 } }), await bls(idA, 1)]
    await commit(specs)
    expect(await files()).toEqual(['bootc_edge-2.4.1-0.conf', 'bootc_edge-2.4.1-1+3.conf'])
    // As systemd-boot does before it starts the kernel.
    await esp.rename(`${active}/bootc_edge-2.4.1-1+3.conf`, `${active}/bootc_edge-2.4.1-1+2-1.conf`)
    const { entries } = await loader.read()
    expect(entries[0]).toMatchObject({ fileName: 'bootc_edge-2.4.1-1+2-1.conf', count: { left: 2, done: 1 } })
    const { count: _, ...settled } = specs[0]!
    expect((await loader.plan([settled, specs[1]!], 1)).changed).toBe(false)
    expect((await loader.plan(specs, 1)).changed).toBe(true)
  })

  test('without tries left the other entry comes first', async () => {
    const { commit, loader, esp } = await bench()
    await commit([await bls(idB, 0, { count: { left: 1, done: 0 } }), await bls(idA, 1)])
    await esp.rename(`${active}/bootc_edge-2.4.1-1+1.conf`, `${active}/bootc_edge-2.4.1-1+0-1.conf`)
    const found = (await loader.read()).entries.map(({ options }) => options.includes(idA))
    expect(found).toEqual([true, false])
  })

  test('a good boot ends the trial, also by the name from before it was counted', async () => {
    const { commit, loader, files, esp, sysroot } = await bench()
    await commit([await bls(idB, 0, { count: { left: 3, done: 0 } })])
    const [entry] = (await loader.read()).entries
    await esp.rename(`${active}/bootc_edge-2.4.1-1+3.conf`, `${active}/bootc_edge-2.4.1-1+2-1.conf`)
    await using lock = await sysroot.lock()
    await loader.markGood!(entry!, lock)
    await loader.markGood!(entry!, lock)
    expect(await files()).toEqual(['bootc_edge-2.4.1-1.conf'])
    await esp.remove(`${active}/bootc_edge-2.4.1-1.conf`)
    const missing = await loader.markGood!(entry!, lock).catch((error: unknown) => error)
    expect(isBootcError(missing, 'BOOT_ENTRY_NOT_FOUND')).toBe(true)
  })
})

describe('one-shot boots', () => {
  test('bootctl is asked, by the id of the entry', async () => {
    const host = fakeHost({ run: async () => ({ code: 0, stdout: '', stderr: '' }) })
    const { commit, loader, sysroot } = await bench({
      sysroot: memorySysroot({ host, boot: memoryDir({ fat: true }) }),
    })
    await commit([await bls(idB, 0, { count: { left: 3, done: 0 } })])
    await using lock = await sysroot.lock()
    await loader.bootOnce!((await loader.read()).entries[0]!, lock)
    await loader.bootOnce!(undefined, lock)
    expect(host.calls).toEqual([
      ['bootctl', 'set-oneshot', 'bootc_edge-2.4.1-1.conf'],
      ['bootctl', 'set-oneshot', ''],
    ])
  })

  test('without bootctl it says so', async () => {
    const { commit, loader, sysroot } = await bench()
    await commit([await bls(idB, 0)])
    await using lock = await sysroot.lock()
    const entry = (await loader.read()).entries[0]!
    const failed = await loader.bootOnce!(entry, lock).catch((error: unknown) => error)
    expect(isBootcError(failed, 'BOOT_ONE_SHOT_FAILED') && failed.message).toContain('bootctl is missing')
  })

  test('with EFI variables at hand the variable is set: attributes, then UTF-16 with a NUL', async () => {
    const efivars = memoryDir()
    const { commit, loader, sysroot } = await bench({ efivars })
    await commit([await bls(idB, 0)])
    await using lock = await sysroot.lock()
    const name = 'LoaderEntryOneShot-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f'
    await loader.bootOnce!((await loader.read()).entries[0]!, lock)
    await efivars.setImmutable!(name, true)
    await loader.bootOnce!((await loader.read()).entries[0]!, lock)
    const chunks: Uint8Array[] = []
    for await (const chunk of efivars.read(name)) chunks.push(chunk)
    const bytes = Buffer.concat(chunks)
    expect(bytes.readUInt32LE(0)).toBe(7)
    expect(bytes.subarray(4).toString('utf16le')).toBe('bootc_edge-2.4.1-1.conf\0')
    await loader.bootOnce!(undefined, lock)
    expect(await efivars.stat(name)).toBeUndefined()
  })
})

test('a machine without ESP has nothing for this loader', async () => {
  const sysroot = memorySysroot()
  const refused = await bench({ sysroot }).catch((error: unknown) => error)
  expect(isBootcError(refused, 'BOOT_UNSUPPORTED_VOLUME')).toBe(true)
  await expect(simulateBoot(sysroot)).rejects.toBeInstanceOf(BootFailure)
})
