import { randomBytes } from 'node:crypto'
import { mkdir, open, rename, rm, stat } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Bytes } from '../../interfaces/common.js'

/**
 * Write a file under a name that nobody looks for, sync it, then give it its own.
 *
 * @param release is told of chunks that were written. Where there is one, chunks are left alone until then, and so the
 * next one is read meanwhile.
 */
export async function placeFile(
  path: string,
  bytes: Bytes | Uint8Array,
  release?: (chunk: Uint8Array) => void,
): Promise<void> {
  const dir = dirname(path)
  await mkdir(dir, { recursive: true })
  const temporary = join(dir, `.bootc-sdk-${randomBytes(8).toString('hex')}`)
  try {
    await using file = await open(temporary, 'wx', 0o644)
    if (bytes instanceof Uint8Array) await file.writeFile(bytes)
    else if (release === undefined) for await (const chunk of bytes) await file.writeFile(chunk)
    else await writeAhead(file, bytes, release)
    await file.sync()
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

async function writeAhead(
  file: FileHandle,
  bytes: Bytes,
  release: (chunk: Uint8Array) => void,
): Promise<void> {
  let writing: Promise<void> = Promise.resolve()
  try {
    for await (const chunk of bytes) {
      await writing
      writing = file.writeFile(chunk).then(() => release(chunk))
      // Told by whoever waits for it next.
      writing.catch(() => undefined)
    }
  } finally {
    await writing
  }
}

/** A regular file of this size. */
export async function isFileOf(path: string, sizeBytes: number): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  return found?.isFile() === true && found.size === sizeBytes
}
