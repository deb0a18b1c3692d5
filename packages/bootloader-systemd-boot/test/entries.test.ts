import { isBootcError } from '@bootc-sdk/core'
import { describeTree, memoryDir, memorySysroot, readText } from '@bootc-sdk/core/testing'
import { describe, expect, test } from 'vitest'
import { bench, bls, idA, idB, loaderProgram, uki } from './specs.js'

describe('entries of bootc', () => {
  test('an entry is what bootc writes, by name, order of lines and content', async () => {
    const { commit, text, files } = await bench()
    await commit([await bls(idA, 0), await bls(idB, 1)])
    expect(await files()).toEqual(['bootc_edge-2.4.1-0.conf', 'bootc_edge-2.4.1-1.conf'])
    expect(await text('bootc_edge-2.4.1-1.conf')).toBe(
      'title Edge OS 2\nversion 2.4.1\n' +
        `linux /EFI/Linux/bootc_composefs-${idA}/vmlinuz\ninitrd /EFI/Linux/bootc_composefs-${idA}/initrd\n` +
        `options root=UUID=0d rw composefs=${idA}\nsort-key bootc-edge-0\n`,
    )
  })

  test('sort keys that do not give the order are replaced, in the same way', async () => {
    const { commit, text, loader } = await bench()
    await commit([await bls(idA, 1), await bls(idB, 0)])
    expect((await loader.read()).entries.map(({ options }) => options)).toEqual([
      expect.stringContaining(idA),
      expect.stringContaining(idB),
    ])
    expect(await text('bootc_edge-2.4.1-0.conf')).toContain('sort-key bootc-edge-0\n')
  })

  test('ten and more entries keep their order', async () => {
    const { commit, loader } = await bench()
    const ids = Array.from({ length: 12 }, (_, i) => i.toString(16).repeat(128))
    await commit(await Promise.all(ids.map(async (id) => ({ ...(await bls(id, 0)), extra: [] }))))
    const found = (await loader.read()).entries.map(({ options }) => /composefs=(.*)/.exec(options)?.[1])
    expect(found).toEqual(ids)
  })

  test('a version that ends like a count of tries is not taken for one', async () => {
    const { commit, loader, files } = await bench()
    await commit([await bls(idA, 0, { version: '1+2' })])
    expect(await files()).toEqual(['bootc_edge-1_2-1.conf'])
    expect((await loader.read()).entries[0]?.count).toBeUndefined()
  })

  test('names that differ in case only are one name for FAT', async () => {
    const { commit, loader, files } = await bench()
    await commit([await bls(idA, 0, { version: 'rc' }), { ...(await bls(idB, 0, { version: 'RC' })) }])
    expect(await files()).toEqual(['bootc_edge-rc-0.conf', 'bootc_edge-rc-1.conf'])
    expect((await loader.read()).entries).toHaveLength(2)
  })

  test('device trees of libostree are named where they are', async () => {
    const { commit, loader } = await bench()
    const spec = await bls(idA, 0)
    const dir = `ostree/edge-${'a'.repeat(64)}`
    const { entrySet: _, ...plain } = spec
    await commit([
      {
        ...plain,
        ...{ artifact: { ...spec.artifact, dir }, fileName: 'ostree-1.conf', bootPrefix: '/boot/' },
        extra: [['fdtdir', `/boot/${dir}/dtb`]],
      },
    ])
    expect((await loader.read()).entries[0]).toMatchObject({
      linux: `/${dir}/vmlinuz`,
      extra: [['fdtdir', `/${dir}/dtb`]],
    })
  })
})

describe('unified kernel images', () => {
  test('an entry names the image, addons lie beside it, and the command line is the sealed one', async () => {
    const { commit, loader, text, esp, sysroot } = await bench()
    await commit([await uki(idA, 0), await uki(idB, 1)])
    expect(await text('bootc_edge-2.4.1-1.conf')).toBe(
      `title Edge OS 2\nversion 2.4.1\nefi /EFI/Linux/bootc/bootc_composefs-${idA}.efi\nsort-key bootc-edge-0\n`,
    )
    const { entries } = await loader.read()
    expect(entries[0]?.options).toBe(`root=UUID=0d rw composefs=${idA}`)
    const addon = `EFI/Linux/bootc/bootc_composefs-${idA}.efi.extra.d/debug.addon.efi`
    expect(await esp.stat(addon)).toBeDefined()

    await commit([await uki(idA, 0)], 1)
    await using lock = await sysroot.lock()
    await loader.prune((await loader.read()).entries, lock)
    const lines = (await describeTree(esp)).join('\n')
    expect(lines).not.toContain(idB)
    expect(await esp.stat(addon)).toBeDefined()
    expect((await loader.plan([await uki(idA, 0)], 0)).changed).toBe(false)
  })

  test.each([
    ['257.13-1~deb13u1', 'efi'],
    ['258', 'uki'],
  ])('with systemd-boot %s the key is %s', async (version, key) => {
    const { commit, text, esp } = await bench()
    await esp.mkdir('EFI')
    await esp.mkdir('EFI/systemd')
    await esp.write('EFI/systemd/systemd-bootx64.efi', loaderProgram(version))
    await commit([await uki(idA, 0)])
    expect(await text('bootc_edge-2.4.1-1.conf')).toContain(`\n${key} /EFI/Linux/bootc/`)
  })

  test('an entry that names a place outside of the volume has no command line, and others are read', async () => {
    const { commit, loader, esp } = await bench()
    await commit([await uki(idA, 0)])
    const wrong = 'title Wrong\nversion 1\nuki /EFI/Linux/../../../etc/passwd\nsort-key zz\n'
    await esp.write('loader/entries/bootc_wrong-1-0.conf', Buffer.from(wrong))
    expect((await loader.read()).entries.map(({ options }) => options)).toEqual([
      expect.stringContaining(idA),
      '',
    ])
  })

  test('an image that is no PE file has no command line', async () => {
    const { commit, loader, esp } = await bench()
    await commit([await uki(idA, 0)])
    await esp.write(`EFI/Linux/bootc/bootc_composefs-${idA}.efi`, Buffer.from('MZ garbage'))
    expect((await loader.read()).entries[0]?.options).toBe('')
  })
})

describe.each([true, false])('with others on the volume, exchange %s', (exchange) => {
  const foreign = { 'memtest.conf': 'title Memory test\nefi /memtest.efi\n', 'notes.txt': 'not an entry' }

  test('entries of others stay, byte for byte', async () => {
    const { commit, esp, text, loader, sysroot } = await bench({ exchange })
    for (const [name, content] of Object.entries(foreign)) {
      await esp.write(`loader/entries/${name}`, Buffer.from(content))
    }
    await commit([await bls(idA, 0)])
    await commit([await bls(idB, 0), await bls(idA, 1)], 1)
    await using lock = await sysroot.lock()
    await loader.prune((await loader.read()).entries, lock)
    for (const [name, content] of Object.entries(foreign)) expect(await text(name)).toBe(content)
    expect((await loader.read()).entries).toHaveLength(2)
  })

  test('a directory among the entries stays', async () => {
    const { commit, esp, files } = await bench({ exchange })
    await esp.mkdir('loader/entries/mine')
    await esp.write('loader/entries/mine/x', Buffer.from('x'))
    await commit([await bls(idA, 0)])
    expect(await files()).toEqual(['bootc_edge-2.4.1-1.conf', 'mine'])
    expect(await readText(esp, 'loader/entries/mine/x')).toBe('x')
  })

  test('an entry edited by hand is a change, a truncated one is written again', async () => {
    const { commit, esp, loader, text, sysroot } = await bench({ exchange })
    const specs = [await bls(idA, 0), await bls(idB, 1)]
    await commit(specs)
    const good = await text('bootc_edge-2.4.1-1.conf')
    await esp.write('loader/entries/bootc_edge-2.4.1-1.conf', Buffer.from(good!.slice(0, 30)))
    expect((await loader.read()).entries).toHaveLength(1)
    expect((await loader.plan(specs, 1)).changed).toBe(true)
    await commit(specs, 1)
    expect(await text('bootc_edge-2.4.1-1.conf')).toBe(good)

    await esp.write('loader/entries/bootc_edge-9-0.conf', new Uint8Array())
    await using lock = await sysroot.lock()
    await loader.prune((await loader.read()).entries, lock)
    expect(await text('bootc_edge-9-0.conf')).toBeUndefined()
  })

  test('a kernel of the right size and wrong content is copied again, as long as no entry counts on it', async () => {
    const { esp, loader, commit } = await bench({ exchange })
    const path = `EFI/Linux/bootc_composefs-${idA}`
    for (const dir of ['EFI', 'EFI/Linux', path]) await esp.mkdir(dir)
    await esp.write(`${path}/vmlinuz`, Buffer.alloc(`kernel of ${idA}`.length))
    const specs = [await bls(idA, 0)]
    expect((await loader.plan(specs, 0)).bytesNeeded.boot).toBe(`kernel of ${idA}initramfs`.length)
    await commit(specs)
    expect(await readText(esp, `${path}/vmlinuz`)).toBe(`kernel of ${idA}`)
  })
})

test('an entry of absurd size is refused', async () => {
  const { esp, loader } = await bench()
  await esp.write('loader/entries/ostree-1.conf', Buffer.alloc(1 << 20, 0x61))
  const refused = loader.read().catch((error: unknown) => error)
  expect(isBootcError(await refused, 'BOOT_ENTRY_INVALID')).toBe(true)
})

test('a journal that names files elsewhere is no journal', async () => {
  const { esp, loader, commit, sysroot } = await bench({ exchange: false })
  await commit([await bls(idA, 0)])
  const evil = { fileName: '../../EFI/BOOT/x.conf', text: 'x' }
  await esp.write('loader/bootc-sdk-entries.json', Buffer.from(JSON.stringify({ old: [evil], new: [evil] })))
  const { entries } = await loader.read()
  expect(entries).toHaveLength(1)
  await using lock = await sysroot.lock()
  await loader.prune(entries, lock)
  expect(await esp.stat('loader/bootc-sdk-entries.json')).toBeUndefined()
  expect((await loader.read()).entries).toEqual(entries)
})

test('commit without prepare is refused, and nothing is changed', async () => {
  const { loader, sysroot, esp } = await bench()
  await using lock = await sysroot.lock()
  const before = await describeTree(esp)
  const plan = await loader.plan([await bls(idA, 0)], 0)
  const refused = await loader.commit(plan, lock).catch((error: unknown) => error)
  expect(isBootcError(refused, 'BOOT_NOT_PREPARED')).toBe(true)
  expect(await describeTree(esp)).toEqual(before)
})

test('an ESP beside /boot counts its own bytes', async () => {
  const esp = memoryDir({ fat: true, capacityBytes: 40 })
  const { loader, sysroot } = await bench({ sysroot: memorySysroot({ esp }) })
  const plan = await loader.plan([await bls(idA, 0)], 0)
  expect(plan.bytesNeeded).toEqual({ boot: 0, esp: `kernel of ${idA}initramfs`.length })
  await using lock = await sysroot.lock()
  const refused = await loader.prepare(plan, lock).catch((error: unknown) => error)
  expect(isBootcError(refused, 'BOOT_NO_SPACE') && refused.details.volume).toBe('esp')
})
