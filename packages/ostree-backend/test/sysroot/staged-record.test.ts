import { readFileSync } from 'node:fs'
import { memorySysroot } from '@bootc-sdk/core/testing'
import { describe, expect, test } from 'vitest'
import { deploymentId } from '../../src/sysroot/layout.js'
import { readStaged, writeStaged } from '../../src/sysroot/staged.js'
import { decodeStaged, encodeStaged, type StagedFile } from '../../src/sysroot/staged-record.js'
import { golden } from './support.js'

const read = (name: string): StagedFile =>
  decodeStaged(readFileSync(golden('staged', `staged-deployment.${name}.bin`)))!
const a = { stateroot: 'default', checksum: 'a'.repeat(64), deploySerial: 0 }
const b = { stateroot: 'default', checksum: 'b'.repeat(64), deploySerial: 12 }
const resolve = (id: string) =>
  Promise.resolve({ name: id === deploymentId(a) ? a : b, bootChecksum: 'c'.repeat(64) })

describe('records of the real tool', () => {
  test('an upgrade without arguments names no kargs', () => {
    const file = read('upgrade')
    expect(file.kargs).toBeUndefined()
    expect(file.locked).toBe(false)
    expect(file.target.bootChecksum).toMatch(/^[0-9a-f]{64}$/)
    expect(file.mergeFrom).toBeDefined()
  })
  test.each([
    ['locked-kargs', true],
    ['unlocked-kargs', false],
  ])('%s', (name, locked) => {
    const file = read(name)
    expect(file.locked).toBe(locked)
    expect(file.kargs).toContain('foo=bar')
  })
  test.each(['upgrade', 'locked-kargs', 'unlocked-kargs'])('%s survives being written again', (name) => {
    expect(decodeStaged(encodeStaged(read(name)))).toEqual(read(name))
  })
})

describe('our records', () => {
  test('are found again, and gone when cleared', async () => {
    const sysroot = memorySysroot()
    const record = { id: deploymentId(a), mergeFrom: deploymentId(b), kargs: ['rw', 'x=1'], locked: true }
    await writeStaged(sysroot, record, resolve)
    expect(await readStaged(sysroot)).toMatchObject({
      target: { name: a, bootChecksum: 'c'.repeat(64) },
      mergeFrom: { name: b },
      kargs: ['rw', 'x=1'],
      locked: true,
    })
    expect(await sysroot.run.stat('ostree/staged-deployment-locked')).toMatchObject({ mode: 0o640 })
    await writeStaged(sysroot, { ...record, locked: false }, resolve)
    expect((await readStaged(sysroot))!.locked).toBe(false)
    await writeStaged(sysroot, undefined, resolve)
    expect(await readStaged(sysroot)).toBeUndefined()
  })

  test('the lock file of older versions counts', async () => {
    const sysroot = memorySysroot()
    await writeStaged(sysroot, { id: deploymentId(a), kargs: [], locked: false }, resolve)
    await sysroot.run.write('ostree/staged-deployment-locked', new Uint8Array(0))
    expect((await readStaged(sysroot))!.locked).toBe(true)
  })

  test('keys of other tools are kept for the same deployment only', async () => {
    const sysroot = memorySysroot()
    const others = [['bootconfig-extra', { type: 'a{ss}', value: [['x-options-source-a', 'b']] }]] as const
    await sysroot.run.mkdir('ostree')
    const old = encodeStaged({ target: { name: a }, kargs: [], locked: false, others })
    await sysroot.run.write('ostree/staged-deployment', old)
    await writeStaged(sysroot, { id: deploymentId(a), kargs: ['y'], locked: false }, resolve)
    expect(await readStaged(sysroot)).toMatchObject({ kargs: ['y'], others })
    await writeStaged(sysroot, { id: deploymentId(b), kargs: [], locked: false }, resolve)
    expect((await readStaged(sysroot))!.others).toEqual([])
  })

  test('a damaged record is an error, one that names no deployment is none', async () => {
    expect(() => decodeStaged(Buffer.from('nonsense'))).toThrow(
      expect.objectContaining({ code: 'STORE_OSTREE_CORRUPT' }),
    )
    const evil = { stateroot: '..', checksum: 'a'.repeat(64), deploySerial: 0 }
    expect(decodeStaged(encodeStaged({ target: { name: evil }, locked: false, others: [] }))).toBeUndefined()
  })
})
