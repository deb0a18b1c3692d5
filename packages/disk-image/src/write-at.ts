import type { FileHandle } from 'node:fs/promises'

/** Write all of it: a disk that is nearly full takes a part and says how much, and only then that it is full. */
export async function writeAt(file: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    done += (await file.write(bytes, done, bytes.length - done, at + done)).bytesWritten
  }
}
