import type { Bytes } from '@bootc-sdk/core'
import { unzstdStream } from '@bootc-sdk/core/codec'
import type { NativeAccess } from '@bootc-sdk/core/store-kit'

/** Below this a thread of its own costs more than it saves. */
const nativeFromBytes = 128 * 1024
const blockBytes = 256 * 1024
const blocks = 8

/** A compressed section of a file in the repository. */
export interface ZstdSection {
  /** Relative to the repository. */
  readonly path: string
  readonly start: number
  readonly end: number
}

/**
 * Decompress a section in bounded pieces; memory does not depend on what the frames claim.
 *
 * @param read reads a range of the file
 * @param maxOutputBytes reading fails when there is more
 * @throws whatever describes the damage, for callers to wrap; errors of reading pass
 */
export async function* decodeZstd(
  section: ZstdSection,
  read: (range: { start: number; end: number }) => Bytes,
  maxOutputBytes: number,
  native: NativeAccess | undefined,
): AsyncGenerator<Uint8Array> {
  const { start, end } = section
  const decoded =
    native !== undefined && end - start >= nativeFromBytes
      ? decodeByAddon(section, native, maxOutputBytes)
      : unzstdStream(read({ start, end }))
  let length = 0
  for await (const chunk of decoded) {
    length += chunk.length
    if (length > maxOutputBytes) throw new Error(`decompresses to more than ${maxOutputBytes} bytes`)
    yield chunk
  }
}

async function* decodeByAddon(
  { path, start, end }: ZstdSection,
  native: NativeAccess,
  maxOutputBytes: number,
): AsyncGenerator<Uint8Array> {
  const decoder = native.addon.createDecoder({ compression: 'zstd', blockBytes, blocks, maxOutputBytes })
  try {
    decoder.readFile(`${native.repoPath}/${path}`, start, end - start)
    for (let block = await decoder.next(); block !== undefined; block = await decoder.next()) {
      const copy = Buffer.from(block.buffer)
      decoder.release(block.slot)
      yield copy
    }
  } finally {
    decoder.close()
  }
}
