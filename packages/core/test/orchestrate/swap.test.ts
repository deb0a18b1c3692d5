import { describe, expect, test } from 'vitest'
import { entriesDiffer, withoutRootKargs, type EntryFace } from '../../src/orchestrate/swap.js'

const face: EntryFace = {
  title: 'OS 1 (ostree:0)',
  bootDigest: 'a',
  version: '1',
  stateroot: 'os',
  kargs: ['rw'],
  extra: [],
}

describe('whether entries have to be written anew', () => {
  test('a redeployment of the same version only changes links', () => {
    expect(entriesDiffer([face, face], [{ ...face }, { ...face }])).toBe(false)
  })

  test.each<[string, Partial<EntryFace>]>([
    ['another title', { title: 'OS 2 (ostree:0)' }],
    ['another kernel', { bootDigest: 'b' }],
    ['another version', { version: '2' }],
    ['a version that is gone', { version: undefined }],
    ['another stateroot', { stateroot: 'other' }],
    ['another kernel argument', { kargs: ['rw', 'quiet'] }],
    ['kernel arguments in another order', { kargs: ['quiet', 'rw'] }],
    ['a key of another tool', { extra: [['x-options-source-tuned', 'quiet']] }],
  ])('%s is a reason', (_name, change) => {
    expect(entriesDiffer([face], [{ ...face, ...change }])).toBe(true)
  })

  test('so is a change of number or order', () => {
    const other = { ...face, version: '2' }
    expect(entriesDiffer([face], [face, face])).toBe(true)
    expect(entriesDiffer([face, other], [other, face])).toBe(true)
  })

  test('what selects the deployment does not count', () => {
    expect(withoutRootKargs(['rw', 'ostree=/ostree/boot.0/os/aa/0', 'quiet'], ['ostree=/x'])).toEqual([
      'rw',
      'quiet',
    ])
  })
})
