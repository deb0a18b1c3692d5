import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import type { Lease } from '../../src/index.js'
import { codecs, expectedOf, pieces, sampleTar } from './codecs.js'

const codec = codecs.find(({ name }) => name === 'native')?.codec
const tar = sampleTar(5_000_000)
const blob = gzipSync(tar)

describe.skipIf(!codec)(`leases of the native codec${codec ? '' : ' (the addon is not built)'}`, () => {
  const open = () => codec!.decodeLayer(pieces(blob), expectedOf(blob, tar)).leases!()

  test('carry the same bytes as plain reading', async () => {
    const parts: Uint8Array[] = []
    for await (const lease of open()) {
      parts.push(Uint8Array.from(lease.data))
      lease.release()
    }
    expect(tar.equals(Buffer.concat(parts))).toBe(true)
  })

  test('stay valid until released, also after the reading ended', async () => {
    const held: Lease[] = []
    for await (const lease of open()) held.push(lease)
    const parts = held.map((lease) => lease.data)
    expect(tar.equals(Buffer.concat(parts))).toBe(true)
    for (const lease of held) {
      lease.release()
      lease.release()
    }
  })

  test('stay valid when the reader leaves early', async () => {
    let kept: Lease | undefined
    for await (const lease of open()) {
      kept = lease
      break
    }
    expect(tar.subarray(0, kept!.data.length).equals(kept!.data)).toBe(true)
    kept!.release()
  })
})
