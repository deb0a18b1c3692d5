import { open, type FileHandle } from 'node:fs/promises'
import { clusterBytes, Qcow2Layout } from '../format/qcow2.js'
import { writeAt } from '../write-at.js'

const chunkBytes = 64 * clusterBytes
const zero = Buffer.alloc(clusterBytes)

export interface ConvertOptions {
  readonly signal?: AbortSignal | undefined
  readonly onBytes?: (bytes: number) => void
}

/** Write a raw disk as qcow2; what is zero takes no room. The same disk gives the same bytes. */
export async function rawToQcow2(
  rawPath: string,
  outPath: string,
  { signal, onBytes }: ConvertOptions = {},
): Promise<void> {
  await using raw = await open(rawPath, 'r')
  await using out = await open(outPath, 'wx')
  const { size } = await raw.stat()
  const layout = new Qcow2Layout(size)
  let [chunk, next] = [Buffer.allocUnsafe(chunkBytes), Buffer.allocUnsafe(chunkBytes)]
  let reading = fill(raw, chunk, 0)
  try {
    for (let at = 0; at < size; at += chunkBytes) {
      signal?.throwIfAborted()
      const bytes = await reading
      // What comes next is read while this is looked at and written.
      reading = fill(raw, next, at + chunkBytes)
      // It is seen in the next round.
      reading.catch(() => undefined)
      await writeUsed(out, layout, chunk, { at, bytes })
      onBytes?.(at + bytes)
      ;[chunk, next] = [next, chunk]
    }
  } finally {
    // Nobody may read from a file that is closed.
    await reading.catch(() => undefined)
  }
  const { header, tail, tailOffset } = layout.finish()
  await writeAt(out, tail, tailOffset)
  await writeAt(out, header, 0)
}

/** The clusters of a chunk that are not zero; they follow each other in the image. */
async function writeUsed(
  out: FileHandle,
  layout: Qcow2Layout,
  chunk: Buffer,
  { at, bytes }: { readonly at: number; readonly bytes: number },
): Promise<void> {
  // The last cluster may be a part of one.
  chunk.fill(0, bytes)
  let [first, used] = [0, 0]
  for (let i = 0; i < bytes; i += clusterBytes) {
    const cluster = chunk.subarray(i, i + clusterBytes)
    if (cluster.equals(zero)) continue
    const offset = layout.add((at + i) / clusterBytes)
    if (used === 0) first = offset
    if (i > used) chunk.copyWithin(used, i, i + clusterBytes)
    used += clusterBytes
  }
  await writeAt(out, chunk.subarray(0, used), first)
}

async function fill(file: FileHandle, buffer: Buffer, at: number): Promise<number> {
  let done = 0
  while (done < buffer.length) {
    const { bytesRead } = await file.read(buffer, done, buffer.length - done, at + done)
    if (bytesRead === 0) break
    done += bytesRead
  }
  return done
}
