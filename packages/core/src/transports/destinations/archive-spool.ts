import { randomBytes } from 'node:crypto'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { readFileSlice } from '../../codec/index.js'
import type { Bytes, Digest } from '../../interfaces/common.js'
import { tarEndMarker, tarHeader, tarPadding } from '../../tar/index.js'
import type { Descriptor } from '../../oci/types.js'
import { namelessFile, sliceOfHandle } from '../nameless-file.js'
import { checkedStream } from './checked-stream.js'

/** Part of an archive: in memory, or in a file without a name. */
export type Spooled = Uint8Array | { readonly file: FileHandle; readonly size: number }

/**
 * What goes into one archive, in files without names beside it until the archive is written: in an order that does not
 * depend on what came first, and at once.
 */
export class ArchiveSpool {
  readonly path: string
  readonly blobs = new Map<Digest, Spooled>()

  constructor(path: string) {
    this.path = path
  }

  async add(blob: Pick<Descriptor, 'digest' | 'size'>, bytes: Bytes): Promise<void> {
    const file = await this.temporary()
    try {
      for await (const chunk of checkedStream(bytes, blob)) await file.writeFile(chunk)
    } catch (error) {
      await file.close()
      throw error
    }
    // Two layers that are the same may come at the same time.
    const known = this.blobs.get(blob.digest)
    this.blobs.set(blob.digest, { file, size: blob.size })
    if (known !== undefined && !(known instanceof Uint8Array)) await known.file.close()
  }

  /** For what is made on the way. */
  async temporary(): Promise<FileHandle> {
    await mkdir(dirname(this.path), { recursive: true })
    return namelessFile(dirname(this.path))
  }

  /** The archive in place of whatever had its name; `undefined` is a directory. */
  async write(members: Iterable<readonly [name: string, content: Spooled | undefined]>): Promise<void> {
    await mkdir(dirname(this.path), { recursive: true })
    const temporary = join(dirname(this.path), `.bootc-sdk-${randomBytes(8).toString('hex')}`)
    try {
      await using archive = await open(temporary, 'wx', 0o644)
      for (const [name, content] of members) await writeMember(archive, name, content)
      await archive.writeFile(tarEndMarker)
      await archive.sync()
      await rename(temporary, this.path)
    } catch (error) {
      await rm(temporary, { force: true })
      throw error
    }
  }

  async close(): Promise<void> {
    const blobs = [...this.blobs.values()]
    this.blobs.clear()
    for (const blob of blobs) if (!(blob instanceof Uint8Array)) await blob.file.close()
  }
}

/** The content of a spooled part. */
export async function* readSpooled(content: Spooled): AsyncGenerator<Uint8Array> {
  if (content instanceof Uint8Array) yield content
  else yield* readFileSlice(sliceOfHandle(content.file, content.size))
}

async function writeMember(archive: FileHandle, name: string, content: Spooled | undefined): Promise<void> {
  if (content === undefined) {
    await archive.writeFile(tarHeader({ name, type: 'directory' }, 0))
    return
  }
  const sizeBytes = content instanceof Uint8Array ? content.length : content.size
  await archive.writeFile(tarHeader({ name }, sizeBytes))
  for await (const chunk of readSpooled(content)) await archive.writeFile(chunk)
  await archive.writeFile(tarPadding(sizeBytes))
}
