import { randomBytes } from 'node:crypto'
import { open, unlink } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import type { FileSlice } from './local/file-locator.js'

/** A file for reading and writing that nobody else sees, and that goes when it is closed. */
export async function namelessFile(dir: string): Promise<FileHandle> {
  const path = join(dir, `.bootc-sdk-${randomBytes(8).toString('hex')}`)
  const file = await open(path, 'wx+', 0o600)
  try {
    await unlink(path)
    return file
  } catch (error) {
    await file.close()
    throw error
  }
}

/** Where others of this process read an open file. */
export function pathOfHandle({ fd }: Pick<FileHandle, 'fd'>): string {
  return `/proc/self/fd/${fd}`
}

/** All of it. */
export function sliceOfHandle(file: Pick<FileHandle, 'fd'>, sizeBytes: number): FileSlice {
  return { hostPath: pathOfHandle(file), offsetBytes: 0, sizeBytes }
}
