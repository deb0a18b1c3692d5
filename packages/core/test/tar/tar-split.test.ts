import { describe, expect, test } from 'vitest'
import { encodeName } from '../../src/names/index.js'
import { readTarSplit, type TarSplitItem } from '../../src/tar/index.js'

const lines = (...entries: readonly object[]) =>
  Buffer.from(entries.map((entry, position) => `${JSON.stringify({ position, ...entry })}\n`).join(''))

async function read(data: Uint8Array, chunkBytes = data.length): Promise<TarSplitItem[]> {
  const chunks = function* () {
    for (let at = 0; at < data.length; at += chunkBytes) yield data.subarray(at, at + chunkBytes)
  }
  const items: TarSplitItem[] = []
  for await (const item of readTarSplit(chunks() as unknown as AsyncIterable<Uint8Array>)) items.push(item)
  return items
}

describe('tar-split data', () => {
  test('gives headers as bytes and files by name, in any chunks', async () => {
    const data = lines(
      { type: 2, payload: Buffer.from('header').toString('base64') },
      { type: 1, name: 'usr/a', size: 3, payload: 'checksum' },
      { type: 1, name: 'usr/empty' },
    )
    const expected = [
      { kind: 'bytes', bytes: Buffer.from('header') },
      { kind: 'file', name: 'usr/a', sizeBytes: 3 },
    ]
    expect(await read(data)).toEqual(expected)
    expect(await read(data, 1)).toEqual(expected)
  })

  test('keeps names that are not UTF-8', async () => {
    const name = Buffer.from([0x61, 0xe4, 0xff])
    const [item] = await read(lines({ type: 1, name_raw: name.toString('base64'), size: 1 }))
    expect(item?.kind === 'file' && encodeName(item.name)).toEqual(name)
  })

  test.each([
    ['entries out of order', Buffer.from('{"type":2,"position":1}\n')],
    ['no JSON', Buffer.from('tar\n')],
    ['no object', Buffer.from('3\n')],
    ['an unknown type', lines({ type: 3 })],
    ['a file without a name', lines({ type: 1, size: 1 })],
    ['a size that is none', lines({ type: 1, name: 'a', size: -1 })],
  ])('is refused with %s', async (_, data) => {
    await expect(read(data)).rejects.toMatchObject({ code: 'IMAGE_LAYOUT_INVALID' })
  })
})
