import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { planDisk, readRepartDir, repartDisk, type RepartOptions } from '../../src/index.js'
import { distribute } from '../../src/repart/distribute.js'
import { parseFragment } from '../../src/repart/parse-fragment.js'

const mebibyte = 1 << 20
const gibibyte = 1024 * mebibyte

function disk(files: Readonly<Record<string, string>>, options: Partial<RepartOptions> = {}) {
  const list = Object.entries(files).map(([name, text]) => ({ name, text: `[Partition]\n${text}` }))
  return repartDisk(list, { architecture: 'amd64', ...options })
}

/** As planned: name and MiB of each partition. */
function planned(files: Readonly<Record<string, string>>, diskBytes?: number) {
  const { disk: found } = disk(files, diskBytes === undefined ? {} : { diskBytes })
  const { xbootldr, bootMode = 'uefi', rootFs = 'ext4', ...rest } = found
  return planDisk({
    ...{ ...rest, architecture: 'amd64', bootMode, rootFs, seed: 'x' },
    ...(xbootldr === undefined ? {} : { xbootldr: { ...xbootldr, fs: 'ext4' } }),
  })
}
const short = (plan: ReturnType<typeof planned>) =>
  plan.partitions.map(({ name, sizeBytes }) => [name, sizeBytes / mebibyte])

const usual = {
  '10-esp.conf': 'Type=esp\nFormat=vfat\nSizeMinBytes=256M\nSizeMaxBytes=256M\n',
  '20-root.conf': 'Type=root\nFormat=ext4\nSizeMinBytes=4G\nSizeMaxBytes=8G\n',
  '30-var.conf': 'Type=var\nFormat=xfs\nSizeMinBytes=1G\nWeight=3000\n',
}

describe('definitions of partitions', () => {
  test('share a disk of known size by weight, between their least and largest sizes', () => {
    // 64 GiB: the root would get a quarter, and is capped; /var takes the others.
    expect(short(planned(usual, 64 * gibibyte))).toEqual([
      ['EFI-SYSTEM', 256],
      ['var', 64 * 1024 - 2 - 256 - 8192],
      ['root', 8192],
    ])
    expect(short(planned(usual, 8 * gibibyte))).toEqual([
      ['EFI-SYSTEM', 256],
      ['var', 8192 - 2 - 256 - 4096],
      ['root', 4096],
    ])
  })

  test('give least sizes where the disk grows with its content', () => {
    const { disk: found, warnings } = disk(usual)
    expect(found).toMatchObject({
      ...{ bootMode: 'uefi', rootFs: 'ext4', espBytes: 256 * mebibyte, rootMinBytes: 4 * gibibyte },
      data: [{ mountPoint: '/var', fs: 'xfs', minBytes: gibibyte }],
    })
    expect(warnings).toEqual([])
  })

  test('that do not fit are refused with both numbers', () => {
    expect(() => disk(usual, { diskBytes: 4 * gibibyte })).toThrow(
      expect.objectContaining({
        code: 'SYSROOT_DISK_TOO_SMALL',
        details: expect.objectContaining({ haveBytes: 4 * gibibyte }) as unknown,
      }),
    )
  })

  test('decide about names, UUIDs and flags in the table', () => {
    const uuid = '0d6b1f0e-6f0c-4d1a-9f57-0a6a1c2f3b4d'
    const { partitions } = planned({
      '1.conf': `Type=root-x86-64\nLabel=100%% ours\nUUID=${uuid.toUpperCase()}\nGrowFileSystem=no\nReadOnly=yes\n`,
      '2.conf': 'Type=esp\n',
      '3.conf': 'Type=home\nNoAuto=no\nSizeMinBytes=1G\n',
    })
    expect(partitions.map(({ name, attributeBits }) => [name, attributeBits])).toEqual([
      ['EFI-SYSTEM', []],
      ['home', []],
      ['100% ours', [60]],
    ])
    expect(partitions[2]!.uuid).toBe(uuid)
  })

  test.each([
    ['a BIOS boot partition beside the ESP', '21686148-6449-6e6f-744e-656564454649', 'both'],
    ['no other', 'srv', 'uefi'],
  ])('with %s say what starts the disk', (_name, type, bootMode) => {
    expect(disk({ ...usual, '05.conf': `Type=${type}\n` }).disk.bootMode).toBe(bootMode)
  })

  test('take types by GUID, and a place below /var for those of no type', () => {
    const { data } = disk({
      '1.conf': 'Type=4f68bce3-e8cd-4db1-96e7-fbcaf984b709\n',
      '2.conf':
        'Type=linux-generic\nMountPoint=/var/lib/containers:noatime\nSizeMinBytes=2G\nSizeMaxBytes=2G\n',
    }).disk
    expect(data).toEqual([{ mountPoint: '/var/lib/containers', sizeBytes: 2 * gibibyte }])
  })

  test('have keys that only systemd-repart needs: a warning, unless they change nothing', () => {
    const text = 'Type=root\nCopyFiles=/\nPriority=0\nEncrypt=off\nMinimize=guess\nFuture=1\nCompression=\n'
    const { warnings } = disk({ '1.conf': text })
    expect(warnings.map(({ code, details }) => [code, details?.['key']])).toEqual([
      ['disk:repart-ignored', 'CopyFiles'],
      ['disk:repart-ignored', 'Minimize'],
      ['disk:repart-ignored', 'Future'],
    ])
  })
})

describe('refused are', () => {
  test.each([
    ['encryption', 'Type=root\nEncrypt=tpm2\n', 'SYSROOT_DISK_UNSUPPORTED'],
    ['verity', 'Type=root\nVerity=data\n', 'SYSROOT_DISK_UNSUPPORTED'],
    ['copied blocks', 'Type=root\nCopyBlocks=auto\n', 'SYSROOT_DISK_UNSUPPORTED'],
    ['swap', 'Type=swap\n', 'SYSROOT_DISK_UNSUPPORTED'],
    ['the root of another architecture', 'Type=root-arm64\n', 'SYSROOT_DISK_UNSUPPORTED'],
    ['a type of Object', 'Type=constructor\n', 'SYSROOT_DISK_UNSUPPORTED'],
    ['a type without a place', 'Type=linux-generic\n', 'SYSROOT_DISK_UNSUPPORTED'],
    ['another place', 'Type=root\nMountPoint=/srv\n', 'SYSROOT_DISK_UNSUPPORTED'],
    ['a place outside /var', 'Type=linux-generic\nMountPoint=/opt\n', 'SYSROOT_DISK_INVALID'],
    ['another file system', 'Type=root\nFormat=squashfs\n', 'SYSROOT_DISK_UNSUPPORTED'],
    ['another one for the ESP', 'Type=esp\nFormat=ext4\n', 'SYSROOT_DISK_UNSUPPORTED'],
    ['a /boot that the loader does not read', 'Type=xbootldr\nFormat=ext4\n', 'SYSROOT_DISK_UNSUPPORTED'],
    ['specifiers', 'Type=root\nLabel=root_%A\n', 'SYSROOT_DISK_UNSUPPORTED'],
    ['long names', `Type=root\nLabel=${'x'.repeat(37)}\n`, 'SYSROOT_DISK_INVALID'],
    ['no UUID', 'Type=root\nUUID=null\n', 'SYSROOT_DISK_INVALID'],
    ['a size with fractions', 'Type=root\nSizeMinBytes=1.5G\n', 'SYSROOT_DISK_INVALID'],
    ['sizes that contradict', 'Type=root\nSizeMinBytes=2G\nSizeMaxBytes=1G\n', 'SYSROOT_DISK_INVALID'],
    ['a weight', 'Type=root\nWeight=-1\n', 'SYSROOT_DISK_INVALID'],
    ['a flag', 'Type=root\nGrowFileSystem=maybe\n', 'SYSROOT_DISK_INVALID'],
    ['no type', 'Label=x\n', 'SYSROOT_DISK_INVALID'],
    ['no assignment', 'Type=root\nhello\n', 'SYSROOT_DISK_INVALID'],
  ])('%s', (_name, text, code) => {
    const rest = text.includes('root') ? {} : { '90-root.conf': 'Type=root\n' }
    expect(() => disk({ '10.conf': text, ...rest })).toThrow(expect.objectContaining({ code }))
  })

  test('two for one place, and none for the root', () => {
    const code = 'SYSROOT_DISK_INVALID'
    const two = { '1.conf': 'Type=root\n', '2.conf': 'Type=home\n' }
    expect(() => disk({ ...two, '3.conf': 'Type=linux-generic\nMountPoint=/home\n' })).toThrow(
      expect.objectContaining({ code }),
    )
    expect(() => disk({ '1.conf': 'Type=esp\n' })).toThrow(expect.objectContaining({ code }))
  })
})

test('a file is read as systemd reads it', () => {
  const text = '; a\n[Other]\nType=swap\n[Partition]\n# b\n Type = esp \nType=root\nLabel=a \\\n# c\n  b\n'
  expect([...parseFragment({ name: 'x.conf', text })]).toEqual([
    ['Type', 'root'],
    ['Label', 'a    b'],
  ])
})

test('shares stay between their bounds and within the disk, and leave nothing that somebody could take', () => {
  const share = fc.record({
    minBytes: fc.integer({ min: 0, max: 50 }),
    maxBytes: fc.oneof(fc.integer({ min: 50, max: 200 }), fc.constant(Infinity)),
    weight: fc.integer({ min: 0, max: 1000 }),
  })
  fc.assert(
    fc.property(
      fc.array(share, { minLength: 1, maxLength: 6 }),
      fc.integer({ min: 0, max: 600 }),
      (shares, total) => {
        const sizes = distribute(shares, total, 1)
        const least = shares.reduce((sum, { minBytes }) => sum + minBytes, 0)
        expect(sizes === undefined).toBe(least > total)
        if (sizes === undefined) return
        const used = sizes.reduce((sum, size) => sum + size, 0)
        expect(used).toBeLessThanOrEqual(total)
        sizes.forEach((size, index) => {
          expect(size).toBeGreaterThanOrEqual(shares[index]!.minBytes)
          expect(size).toBeLessThanOrEqual(Math.max(shares[index]!.maxBytes, shares[index]!.minBytes))
        })
        const takers = shares.some(({ weight, maxBytes }, index) => weight > 0 && sizes[index]! < maxBytes)
        if (takers) expect(total - used).toBeLessThanOrEqual(shares.length)
      },
    ),
  )
})

describe('a directory of definitions', () => {
  const dir = mkdtempSync(join(tmpdir(), 'repart-'))
  afterEach(() => rmSync(dir, { recursive: true, force: true }))

  test('counts in the order of names, without what is masked and what is no definition', async () => {
    mkdirSync(join(dir, '10-x.conf.d'), { recursive: true })
    writeFileSync(join(dir, '20-b.conf'), '[Partition]\nType=root\n')
    writeFileSync(join(dir, '10-a.conf'), '[Partition]\nType=esp\n')
    writeFileSync(join(dir, '30-c.conf'), '')
    writeFileSync(join(dir, 'README'), 'x')
    symlinkSync('/dev/null', join(dir, '40-d.conf'))
    expect((await readRepartDir(dir)).map(({ name }) => name)).toEqual(['10-a.conf', '20-b.conf'])
  })

  test('is refused when it is missing, empty, or has a file of another size', async () => {
    await expect(readRepartDir(dir)).rejects.toMatchObject({ code: 'HOST_NO_FILE' })
    mkdirSync(dir)
    await expect(readRepartDir(dir)).rejects.toMatchObject({ code: 'SYSROOT_DISK_INVALID' })
    writeFileSync(join(dir, 'a.conf'), 'x'.repeat(70_000))
    await expect(readRepartDir(dir)).rejects.toMatchObject({ code: 'SYSROOT_DISK_INVALID' })
  })
})
