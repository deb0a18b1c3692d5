import { describe, expect, test } from 'vitest'
import { isBootcError } from '@bootc-sdk/core'
import type { TarMember } from '@bootc-sdk/core/tar'
import { bytesSource } from '../../src/boot/byte-source.js'
import { composefsKarg } from '../../src/boot/karg.js'
import type { KargSpelling } from '../../src/boot/karg.js'
import { checkSeal, sealLabel } from '../../src/boot/seal.js'
import type { SealCheck } from '../../src/boot/seal.js'
import { bootTransform } from '../../src/tree/boot-transform.js'
import { imageIdOf } from '../../src/tree/image-id.js'
import { ociTransform } from '../../src/tree/oci-transform.js'
import type { XattrMode } from '../../src/tree/oci-transform.js'
import { applyTar } from '../../src/tree/apply-tar.js'
import { LayerApplier } from '../../src/tree/layer-applier.js'
import { find } from '../../src/tree/lookup.js'
import { packTar } from '@bootc-sdk/core/tar'
import { collecting } from '../tree/golden-images.js'
import { dir, file } from '../tree/layers.js'
import { makePe } from './make-pe.js'

const root: TarMember[] = [
  dir('usr', { mtime: 100 }),
  file('usr/f', 'x'.repeat(100), { xattrs: [{ name: 'user.a', value: Buffer.from('v') }] }),
  dir('sysroot'),
  dir('boot'),
]
const boot = [dir('boot/EFI'), dir('boot/EFI/Linux')]

/** What is to be checked: an image of these members and more. */
async function image(more: readonly TarMember[], labels: Record<string, string> = {}): Promise<SealCheck> {
  const objects = new Map<string, Buffer>()
  const applier = new LayerApplier()
  await applyTar(applier, 'layer', packTar([...root, ...boot, ...more]), () => collecting('sha256', objects))
  const content = (inode: { content: Uint8Array | undefined; digest: string }): Uint8Array =>
    inode.content ?? objects.get(inode.digest) ?? new Uint8Array(0)
  return {
    tree: applier.finish(),
    algorithm: 'sha256',
    labels,
    readFile: (inode) => Promise.resolve(content(inode)),
    openFile: (inode) => bytesSource(content(inode)),
  }
}

/** Digest of the image that boots; what lies in /boot does not change it. */
async function idOf(xattrs: XattrMode, version: 1 | 2): Promise<string> {
  const check = await image([])
  const tree = await bootTransform(ociTransform(check.tree, { xattrs }), check.readFile)
  return imageIdOf(tree, 'sha256', version)
}

function uki(cmdline: string, name = 'boot/EFI/Linux/os.efi'): TarMember {
  return { name, data: makePe({ '.cmdline': cmdline, '.linux': 'k', '.initrd': 'i' }) }
}

async function mismatchOf(
  check: SealCheck,
): Promise<{ expected: string; actual: string; diff?: readonly string[] }> {
  try {
    await checkSeal(check)
  } catch (error) {
    if (isBootcError(error, 'STORE_COMPOSEFS_SEAL_MISMATCH')) return error.details
    throw error
  }
  throw new Error('no mismatch')
}

describe('a kernel image that names its root', () => {
  test.each([
    ['allowlist-only', 1, 'composefs'],
    ['allowlist-only', 2, 'composefs'],
    ['keep-user-xattrs', 1, 'composefs.digest'],
    ['keep-user-xattrs', 2, 'composefs.digest'],
  ] as [XattrMode, 1 | 2, KargSpelling][])(
    'made with %s and version %i is found',
    async (xattrs, version, spelling) => {
      const id = await idOf(xattrs, version)
      const check = await image([uki(`rw ${composefsKarg(id, { spelling, version, optional: true })}`)])
      expect(await checkSeal(check)).toEqual([
        { source: 'uki', path: 'boot/EFI/Linux/os.efi', id, optional: true, bootable: true, xattrs, version },
      ])
    },
  )

  test('the four images differ, so that it matters which one is found', async () => {
    const ids = [await idOf('allowlist-only', 1), await idOf('allowlist-only', 2)]
    ids.push(await idOf('keep-user-xattrs', 1), await idOf('keep-user-xattrs', 2))
    expect(new Set(ids).size).toBe(4)
  })

  test('an image without seals passes, and so does a kernel image that names nothing', async () => {
    expect(await checkSeal(await image([uki('rw quiet')]))).toEqual([])
    const addon = uki(`composefs=${'ab'.repeat(32)}`, 'boot/EFI/Linux/x.addon.efi')
    expect(await checkSeal(await image([addon]))).toEqual([])
  })

  test('another digest is refused with both', async () => {
    const details = await mismatchOf(await image([uki(`composefs=${'ab'.repeat(32)}`)]))
    expect(details).toEqual({ expected: 'ab'.repeat(32), actual: await idOf('allowlist-only', 1) })
  })

  test('one of two kernel images that names another digest is enough', async () => {
    const good = uki(composefsKarg(await idOf('allowlist-only', 1)), 'boot/EFI/Linux/a.efi')
    const bad = uki(`composefs=${'ab'.repeat(32)}`, 'boot/EFI/Linux/b.efi')
    expect((await mismatchOf(await image([good, bad]))).expected).toBe('ab'.repeat(32))
    expect(await checkSeal(await image([good]))).toHaveLength(1)
  })

  test('a digest of another hash cannot be checked, and is refused', async () => {
    for (const cmdline of [
      `composefs=${'ab'.repeat(64)}`,
      `composefs.digest=v1-sha512-12:${'ab'.repeat(64)}`,
    ]) {
      const error = await checkSeal(await image([uki(cmdline)])).catch((caught: unknown) => caught)
      expect(error).toMatchObject({
        code: 'STORE_COMPOSEFS_ALGORITHM',
        details: { repository: 'sha256', wanted: 'sha512' },
      })
    }
  })

  test('a damaged argument and a damaged file are refused', async () => {
    const damaged = checkSeal(await image([uki('composefs=12')]))
    await expect(damaged).rejects.toMatchObject({ code: 'STORE_COMPOSEFS_INVALID' })
    const noPe = checkSeal(await image([file('boot/EFI/Linux/os.efi', 'MZ'.repeat(100))]))
    await expect(noPe).rejects.toMatchObject({ code: 'BOOT_UKI_INVALID' })
  })
})

describe('the difference', () => {
  const sealed = uki(`composefs=${'ab'.repeat(32)}`)
  const dump = (lines: readonly string[]): TarMember => file('boot/os.dump', `${lines.join('\n')}\n`)

  test('is told when the image ships a dump of the root that was sealed', async () => {
    const lines = [
      '/ 0 40755 5 0 0 0 100.0 - - -',
      '/boot 0 40755 2 0 0 0 100.0 - - -',
      '/sysroot 0 40755 2 0 0 0 100.0 - - -',
      '/usr 0 40755 2 0 0 0 100.0 - - -',
      '/usr/gone 1 100644 1 0 0 0 0.0 - x -',
    ]
    const { diff } = await mismatchOf(await image([sealed, dump(lines)]))
    expect(diff!.length).toBe(2)
    expect(diff!.join('\n')).toContain('/usr/gone')
    expect(diff!.join('\n')).toContain('/usr/f')
  })

  test('has an end', async () => {
    const many = Array.from({ length: 30 }, (_, index) => `/f${index} 1 100644 1 0 0 0 0.0 - x -`)
    const check = await image([sealed, dump(['/ 0 40755 5 0 0 0 100.0 - - -', ...many])])
    const { diff } = await mismatchOf({ ...check, maxDiffLines: 10 })
    expect(diff!.length).toBe(11)
    expect(diff!.at(-1)).toBe('… and more')
  })

  test('is not told when the dump is larger than memory bears', async () => {
    const check = await image([sealed, dump(['/ 0 40755 5 0 0 0 100.0 - - -'])])
    find(check.tree, 'boot/os.dump')!.size = 100 << 20
    expect((await mismatchOf(check)).diff).toBeUndefined()
  })

  test('says so when the dump is of no help', async () => {
    const { diff } = await mismatchOf(await image([sealed, dump(['nonsense'])]))
    expect(diff).toEqual([expect.stringContaining('/boot/os.dump is of no help')])
  })
})

describe('a label that names the root', () => {
  test('may name the plain image and the one that boots', async () => {
    const check = await image([])
    const plain = imageIdOf(ociTransform(check.tree), 'sha256', 2)
    expect(await checkSeal({ ...check, labels: { [sealLabel]: plain } })).toMatchObject([
      { source: 'label', id: plain, bootable: false, version: 2 },
    ])
    const id = await idOf('keep-user-xattrs', 1)
    expect(await checkSeal({ ...check, labels: { [sealLabel]: id } })).toMatchObject([
      { source: 'label', bootable: true, xattrs: 'keep-user-xattrs' },
    ])
  })

  test('is refused when it names another or is no digest', async () => {
    for (const label of ['ab'.repeat(32), 'a'.repeat(32), '']) {
      expect((await mismatchOf(await image([], { [sealLabel]: label }))).expected).toBe(label)
    }
  })

  test('of an image that does not boot is checked against its plain root', async () => {
    const check = await image([])
    check.tree.root.children!.delete('sysroot')
    const id = imageIdOf(ociTransform(check.tree), 'sha256', 1)
    expect(await checkSeal({ ...check, labels: { [sealLabel]: id } })).toMatchObject([{ bootable: false }])
    const details = await mismatchOf({ ...check, labels: { [sealLabel]: 'ab'.repeat(32) } })
    expect(details.actual).toBe(id)
  })
})
