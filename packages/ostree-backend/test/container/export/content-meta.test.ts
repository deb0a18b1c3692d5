import { isBootcError } from '@bootc-sdk/core'
import { describe, expect, test } from 'vitest'
import { checkContainerConfig } from '../../../src/container/export/container-config.js'
import { parseContentMeta } from '../../../src/container/export/content-meta.js'
import { alwaysChanges } from '../../../src/container/export/packing.js'

const checksum = 'ab'.repeat(32)
const parse = (value: unknown) => parseContentMeta(Buffer.from(JSON.stringify(value)))

function refuses(run: () => unknown): void {
  let error: unknown
  try {
    run()
  } catch (cause) {
    error = cause
  }
  expect(isBootcError(error, 'STORE_OSTREE_INVALID'), String(error)).toBe(true)
}

describe('content metadata', () => {
  test('keep the order of components; what belongs to none always changes', () => {
    const layers = { zebra: 'Zebra', ape: 'Ape', unpackaged: 'Rest' }
    const meta = parse({ version: 1, layers, mapping: { [checksum]: 'ape' }, created: null, labels: null })
    expect(meta).toEqual({
      components: [
        { id: 'zebra', name: 'Zebra', changeFrequency: 1 },
        { id: 'ape', name: 'Ape', changeFrequency: 1 },
        { id: 'unpackaged', name: 'Rest', changeFrequency: alwaysChanges },
      ],
      mapping: new Map([[checksum, 'ape']]),
    })
  })

  test.each([
    [null],
    [[]],
    [{}],
    [{ version: '1', layers: {}, mapping: {} }],
    [{ version: 1, mapping: {} }],
    [{ version: 1, layers: [], mapping: {} }],
    [{ version: 1, layers: { a: 1 }, mapping: {} }],
    [{ version: 1, layers: {}, mapping: {}, ordered: true }],
    [{ version: 1, layers: {}, mapping: {}, created: 5 }],
    [{ version: 1, layers: {}, mapping: {}, labels: { a: null } }],
    [{ version: 1, layers: { a: 'A' }, mapping: { '../../etc': 'a' } }],
    [{ version: 1, layers: { a: 'A' }, mapping: { [checksum]: 'b' } }],
    [{ version: 1, layers: { a: 'A' }, mapping: { [checksum]: 'toString' } }],
  ])('that make no sense are refused: %j', (value) => {
    refuses(() => parse(value))
  })

  test('that are no JSON, or say a thing twice, are refused', () => {
    refuses(() => parseContentMeta(Buffer.from('{"version": 1')))
    refuses(() => parseContentMeta(Buffer.from('{"version":1,"layers":{"a":"A","a":"B"},"mapping":{}}')))
    refuses(() => parseContentMeta(Buffer.from([0xff])))
  })

  test('"__proto__" is a name like any other', () => {
    const text = '{"version":1,"layers":{"__proto__":"P"},"mapping":{}}'
    expect(parseContentMeta(Buffer.from(text)).components).toMatchObject([{ id: '__proto__', name: 'P' }])
  })
})

describe('a config of containers', () => {
  test('keeps what image-spec knows; lists of ports and volumes become sets', () => {
    expect(
      checkContainerConfig({
        Env: ['A=b'],
        Volumes: ['/v'],
        ExposedPorts: { '1/tcp': {} },
        User: null,
        Odd: 1,
      }),
    ).toEqual({ Env: ['A=b'], Volumes: { '/v': {} }, ExposedPorts: { '1/tcp': {} } })
  })

  test.each([
    [null],
    [[]],
    ['x'],
    [{ Env: 'A' }],
    [{ Cmd: [1] }],
    [{ Labels: { a: 1 } }],
    [{ Volumes: 'v' }],
  ])('of wrong types is refused: %j', (value) => refuses(() => checkContainerConfig(value)))
})
