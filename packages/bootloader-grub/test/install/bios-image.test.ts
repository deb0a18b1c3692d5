import { expect, test } from 'vitest'
import { biosImage } from '../../src/install/bios-image.js'

const mib = 1 << 20
const bootSector = () => {
  const sector = Buffer.alloc(512, 0xee)
  sector.writeUInt16LE(0xaa55, 510)
  return sector
}

test('the first sector leads to the core, and the core to its rest', () => {
  const { bootCode, core } = biosImage(bootSector(), Buffer.alloc(1500, 0xcc), {
    startBytes: mib,
    sizeBytes: mib,
  })
  expect(bootCode).toHaveLength(440)
  expect(bootCode.readBigUInt64LE(0x5c)).toBe(2048n)
  expect([...bootCode.subarray(0x64, 0x68)]).toEqual([0xff, 0xee, 0x90, 0x90])
  expect(core).toHaveLength(3 * 512)
  expect(core.readBigUInt64LE(500)).toBe(2049n)
  expect([core.readUInt16LE(508), core.readUInt16LE(510)]).toEqual([2, 0x820])
  // No further run, and no codes for error correction.
  expect(core.subarray(488, 500)).toEqual(Buffer.alloc(12))
  expect(core.readUInt32LE(512 + 0x10)).toBe(0)
  expect(core.subarray(1500)).toEqual(Buffer.alloc(36))
})

test.each([
  ['a partition that is too small', 1500, 1024, 'BOOT_NO_SPACE'],
  ['a core of one sector', 512, mib, 'BOOT_LOADER_INVALID'],
])('%s is refused', (_name, bytes, sizeBytes, code) => {
  expect(() => biosImage(bootSector(), Buffer.alloc(bytes), { startBytes: mib, sizeBytes })).toThrow(
    expect.objectContaining({ code }),
  )
})

test('a boot sector that is none is refused', () => {
  expect(() => biosImage(Buffer.alloc(512), Buffer.alloc(2048), { startBytes: mib, sizeBytes: mib })).toThrow(
    expect.objectContaining({ code: 'BOOT_LOADER_INVALID' }),
  )
})
