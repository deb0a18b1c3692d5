import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type DiskRequest, planDisk, seedUuid } from '../../src/index.js'

const mebibyte = 1 << 20
const request: DiskRequest = { architecture: 'amd64', bootMode: 'both', rootFs: 'ext4', seed: 'sha256:ab' }

test('partitions are those of bootc, in its order', () => {
  const { partitions, diskBytes } = planDisk({ ...request, xbootldr: { fs: 'ext4' } })
  expect(partitions.map(({ number, name, sizeBytes }) => [number, name, sizeBytes / mebibyte])).toEqual([
    [1, 'BIOS-BOOT', 1],
    [2, 'EFI-SYSTEM', 512],
    [3, 'boot', 512],
    [4, 'root', 2048],
  ])
  expect(partitions.map(({ fs }) => fs?.type)).toEqual([undefined, 'vfat', 'ext4', 'ext4'])
  expect(partitions[3]!.typeUuid).toBe('4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709')
  expect(diskBytes).toBe((1 + 1 + 512 + 512 + 2048 + 1) * mebibyte)
})

test.each([
  ['aarch64', 'uefi', ['esp', 'root'], 'B921B045-1DF0-41C3-AF44-4C6F280D3FAE'],
  ['riscv64', 'uefi', ['esp', 'root'], '72EC70A6-CF74-40E6-BD49-4BDA08E8F224'],
  ['ppc64le', 'bios', ['prep', 'root'], 'C31C45E6-3F39-412E-80FB-4809C4980599'],
  ['s390x', 'uefi', ['root'], '5EEAD9A9-FE09-4A1E-A1D7-520D00531306'],
  ['x86_64', 'bios', ['bios-boot', 'root'], '4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709'],
] as const)('on %s with %s', (architecture, bootMode, roles, rootType) => {
  const { partitions } = planDisk({ ...request, architecture, bootMode })
  expect(partitions.map(({ role }) => role)).toEqual(roles)
  expect(partitions.at(-1)!.typeUuid).toBe(rootType)
})

test.each([
  [{ architecture: 'sparc' }, 'SYSROOT_DISK_UNSUPPORTED'],
  [{ architecture: 'constructor' }, 'SYSROOT_DISK_UNSUPPORTED'],
  [{ architecture: 'arm64', bootMode: 'bios' }, 'SYSROOT_DISK_UNSUPPORTED'],
  [{ architecture: 'ppc64le', bootMode: 'uefi' }, 'SYSROOT_DISK_UNSUPPORTED'],
  [{ rootFs: 'xfs', verity: true }, 'SYSROOT_DISK_UNSUPPORTED'],
  [{ seed: '' }, 'SYSROOT_DISK_INVALID'],
  [{ rootBytes: 1000 }, 'SYSROOT_DISK_INVALID'],
  [{ rootBytes: -mebibyte }, 'SYSROOT_DISK_INVALID'],
  [{ rootBytes: 4096 * mebibyte, diskBytes: 4096 * mebibyte }, 'SYSROOT_DISK_TOO_SMALL'],
  [{ bootMode: 'bios', espBytes: mebibyte }, 'SYSROOT_DISK_INVALID'],
  [{ espBytes: 100 * mebibyte, espContentBytes: 200 * mebibyte }, 'SYSROOT_DISK_TOO_SMALL'],
  [{ rootBytes: 100 * mebibyte, rootContentBytes: 200 * mebibyte }, 'SYSROOT_DISK_TOO_SMALL'],
  [{ diskBytes: 300 * mebibyte }, 'SYSROOT_DISK_TOO_SMALL'],
  [{ rootBytes: 100 * mebibyte, rootMinBytes: 101 * mebibyte }, 'SYSROOT_DISK_TOO_SMALL'],
  [{ data: [{ mountPoint: '/home' }, { mountPoint: '/var/home' }] }, 'SYSROOT_DISK_INVALID'],
  [{ data: [{ mountPoint: '/var', sizeBytes: 1000 }] }, 'SYSROOT_DISK_INVALID'],
  [{ data: [{ mountPoint: '/var', sizeBytes: 32 * mebibyte }] }, 'SYSROOT_DISK_TOO_SMALL'],
  [{ data: [{ mountPoint: '/var', fs: 'xfs', sizeBytes: 64 * mebibyte }] }, 'SYSROOT_DISK_TOO_SMALL'],
  [
    { data: [{ mountPoint: '/var', sizeBytes: 100 * mebibyte, contentBytes: 101 * mebibyte }] },
    'SYSROOT_DISK_TOO_SMALL',
  ],
  [
    { data: [{ mountPoint: '/var', sizeBytes: 100 * mebibyte, minBytes: 101 * mebibyte }] },
    'SYSROOT_DISK_TOO_SMALL',
  ],
  [{ data: [{ mountPoint: '/var' }], diskBytes: 2600 * mebibyte }, 'SYSROOT_DISK_TOO_SMALL'],
  [
    { data: [{ mountPoint: '/var', sizeBytes: 512 * mebibyte }], diskBytes: 700 * mebibyte },
    'SYSROOT_DISK_TOO_SMALL',
  ],
  [{ xbootldr: { fs: 'ext4', sizeBytes: 64 * mebibyte, minBytes: 65 * mebibyte } }, 'SYSROOT_DISK_TOO_SMALL'],
] as const)('%j is refused with %s', (wish, code) => {
  expect(() => planDisk({ ...request, ...wish })).toThrow(expect.objectContaining({ code }))
})

test('partitions follow each other inside the disk, and every plan is the same for the same seed', () => {
  const size = fc.option(
    fc.integer({ min: 64, max: 4096 }).map((n) => n * mebibyte),
    { nil: undefined },
  )
  fc.assert(
    fc.property(
      size,
      fc.nat(2 ** 31),
      fc.string({ minLength: 1 }),
      fc.boolean(),
      (espBytes, content, seed, boot) => {
        const wish: DiskRequest = {
          ...request,
          seed,
          espContentBytes: Math.min(content, 40 * mebibyte),
          rootContentBytes: content,
          ...(espBytes === undefined ? {} : { espBytes }),
          ...(boot ? { xbootldr: { fs: 'vfat' as const } } : {}),
        }
        const plan = planDisk(wish)
        let end = mebibyte
        for (const { startBytes, sizeBytes } of plan.partitions) {
          expect(startBytes).toBe(end)
          end += sizeBytes
        }
        expect(plan.diskBytes - end).toBeGreaterThanOrEqual(33 * 512)
        expect(planDisk(wish)).toEqual(plan)
        const uuids = plan.partitions.flatMap(({ uuid, fs }) => [uuid, fs?.uuid ?? uuid + '?'])
        expect(new Set([plan.diskUuid, ...uuids]).size).toBe(uuids.length + 1)
      },
    ),
  )
})

test('a disk of a given size is used to its end', () => {
  const { partitions, diskBytes } = planDisk({ ...request, diskBytes: 8192 * mebibyte })
  const root = partitions.at(-1)!
  expect(diskBytes).toBe(8192 * mebibyte)
  expect(root.startBytes + root.sizeBytes).toBe(8191 * mebibyte)
})

test('data partitions with a size come before the root, which grows; the others behind it, and the last one grows', () => {
  const shown = (wish: Partial<DiskRequest>) =>
    planDisk({ ...request, bootMode: 'uefi', ...wish }).partitions.map(
      ({ name, sizeBytes, attributeBits }) =>
        `${name} ${sizeBytes / mebibyte}${attributeBits.map((bit) => ` ${bit}`).join('')}`,
    )
  const home = { mountPoint: '/home', minBytes: 100 * mebibyte + 1 }
  const log = { mountPoint: '/var/log', sizeBytes: 96 * mebibyte }
  const diskBytes = 8192 * mebibyte
  expect(shown({ data: [home, log], diskBytes })).toEqual([
    'EFI-SYSTEM 512',
    'home 101 63',
    'var-log 96',
    'root 7481 59',
  ])
  expect(shown({ data: [{ mountPoint: '/var' }, home], diskBytes })).toEqual([
    'EFI-SYSTEM 512',
    'home 101 63',
    'root 2048',
    'var 5529 59 63',
  ])
  expect(shown({ data: [{ mountPoint: '/var' }, { mountPoint: '/var/home' }] })).toEqual([
    'EFI-SYSTEM 512',
    'root 2048',
    'var 1024 63',
    'home 1024 59 63',
  ])
  // Content counts, also against a size that was given.
  expect(shown({ data: [{ mountPoint: '/var', contentBytes: 1000 * mebibyte }] }).at(-1)).toBe(
    'var 2200 59 63',
  )
  expect(shown({ data: [{ ...home, contentBytes: 500.5 * mebibyte }] })[1]).toBe('home 501 63')
})

test('types are those of the Discoverable Partitions Specification', () => {
  const points = ['/var', '/home', '/var/tmp', '/var/srv', '/var/lib/containers']
  const { partitions } = planDisk({ ...request, data: points.map((mountPoint) => ({ mountPoint })) })
  expect(
    partitions.slice(-5).map(({ typeUuid, mountPoint, fs }) => [mountPoint, typeUuid, fs!.label]),
  ).toEqual([
    ['/var', '4D21B016-B534-45C2-A9FB-5C16E091FD2D', 'var'],
    ['/var/home', '933AC7E1-2EB4-4F13-B844-0E14E2AEF915', 'home'],
    ['/var/tmp', '7EC6F557-3BC5-4ACA-B293-16EF5DF639D1', 'var-tmp'],
    ['/var/srv', '3B8F8425-20E0-4F3B-907F-1A25A76F98E8', 'srv'],
    ['/var/lib/containers', '0FC63DAF-8483-4772-8E79-3D69D8477DE4', 'var-lib-cont'],
  ])
  const uuids = partitions.flatMap(({ uuid, fs }) => [uuid, fs?.uuid ?? uuid + '?'])
  expect(new Set(uuids).size).toBe(uuids.length)
})

test.each([
  '/',
  '/usr',
  '/etc',
  '/boot',
  '/variant',
  '/var/',
  '/var/../etc',
  '/var/run',
  '/var/a b',
  '/var//a',
  'var',
  '',
])('a partition for %j is refused', (mountPoint) => {
  expect(() => planDisk({ ...request, data: [{ mountPoint }] })).toThrow(
    expect.objectContaining({
      code: 'SYSROOT_DISK_INVALID',
      message: expect.stringContaining('mount point'),
    }),
  )
})

test('identifiers are well formed', () => {
  expect(seedUuid('a', 'b')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  expect(seedUuid('a', 'b')).not.toBe(seedUuid('a', 'c'))
  const esp = planDisk(request).partitions.find(({ role }) => role === 'esp')!
  expect(esp.fs!.uuid).toMatch(/^[0-9A-F]{4}-[0-9A-F]{4}$/)
})
