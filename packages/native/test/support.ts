import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe } from 'vitest'
import {
  loadAddon,
  nativeStatus,
  type DecoderOptions,
  type NativeAddon,
  type NativeDecoder,
} from '../src/index.js'

const loaded = loadAddon()

/** The addon with what only tests use. Touch it only inside `describeNative`. */
export const addon = loaded as NativeAddon & {
  internals: {
    sha256(data: Uint8Array, openssl?: boolean): string
    /** What can hash for fs-verity here, best first. */
    verityEngines(algorithm: 1 | 2): string[]
    /** By a chosen engine; in one batch (`chunkBytes` 0) or streamed. */
    verityDigestBy(data: Uint8Array, algorithm: 1 | 2, engine: string, chunkBytes: number): string
  }
}

if (!loaded && process.env.CI) throw new Error(`the addon must be there in CI: ${nativeStatus().reason}`)

/** `describe` that is skipped, with the reason in its name, where the addon is not built. */
export const describeNative = (name: string, body: () => void) =>
  loaded ? describe(name, body) : describe.skip(`${name} (addon: ${nativeStatus().reason})`, body)

export const isRoot = process.getuid?.() === 0

/** A directory for one test file, removed at its end. */
export function scratch(): string {
  const dir = mkdtempSync(join(tmpdir(), 'bootc-native-'))
  afterAll(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

/** Makes another empty directory each time. */
export function freshBelow(dir: string): () => string {
  let count = 0
  return () => {
    const path = join(dir, String(count++))
    mkdirSync(path)
    return path
  }
}

export const sha256 = (...parts: Uint8Array[]) => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest('hex')
}

/** The digest of fs-verity as the kernel's documentation defines it, level by level. */
export function verityByLevels(content: Buffer, algorithm: 1 | 2): string {
  const hash = (bytes: Buffer) =>
    createHash(algorithm === 1 ? 'sha256' : 'sha512')
      .update(bytes)
      .digest()
  let level = content
  while (level.length > 0) {
    const hashes: Buffer[] = []
    for (let at = 0; at < level.length; at += 4096) {
      const block = Buffer.alloc(4096)
      level.copy(block, 0, at, at + 4096)
      hashes.push(hash(block))
    }
    level = Buffer.concat(hashes)
    if (hashes.length === 1) break
  }
  const descriptor = Buffer.alloc(256)
  descriptor.set([1, algorithm, 12])
  descriptor.writeBigUInt64LE(BigInt(content.length), 8)
  level.copy(descriptor, 16)
  return hash(descriptor).toString('hex')
}

/** Bytes that compress somewhat, the same for the same seed. */
export function sampleBytes(size: number, seed = 1): Buffer {
  const out = Buffer.alloc(size)
  let state = seed
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    out[i] = state & 0x80000000 ? state >>> 24 : i & 15
  }
  return out
}

/** Feeds `input` in pieces and collects the output. Closes the decoder in any case. */
export async function decode(input: Uint8Array, options: DecoderOptions = {}, pieceBytes = 65536) {
  const decoder = addon.createDecoder(options)
  try {
    const [output] = await Promise.all([collect(decoder), feed(decoder, input, pieceBytes)])
    return { output, ...decoder.result() }
  } finally {
    decoder.close()
  }
}

export async function collect(decoder: NativeDecoder): Promise<Buffer> {
  const parts: Buffer[] = []
  for (let block = await decoder.next(); block; block = await decoder.next()) {
    parts.push(Buffer.from(block.buffer))
    decoder.release(block.slot)
  }
  return Buffer.concat(parts)
}

export async function feed(decoder: NativeDecoder, input: Uint8Array, pieceBytes: number): Promise<void> {
  for (let at = 0; at < input.length; at += pieceBytes)
    await decoder.push(input.subarray(at, at + pieceBytes))
  decoder.end()
}

/** Attributes as the addon wants them: u16le name length, name, u32le value length, value. */
export function packXattrs(attributes: Record<string, string | Buffer>): Buffer {
  const parts: Buffer[] = []
  for (const [name, value] of Object.entries(attributes)) {
    const bytes = Buffer.from(value)
    const lengths = [Buffer.alloc(2), Buffer.alloc(4)] as const
    lengths[0].writeUInt16LE(Buffer.byteLength(name))
    lengths[1].writeUInt32LE(bytes.length)
    parts.push(lengths[0], Buffer.from(name), lengths[1], bytes)
  }
  return Buffer.concat(parts)
}
