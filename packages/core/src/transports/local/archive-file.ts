import { randomBytes } from 'node:crypto'
import { closeSync, openSync } from 'node:fs'
import { open, stat, unlink } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { ByteReader } from '../../codec/byte-reader.js'
import { CorruptData } from '../../codec/codec-errors.js'
import { MAGIC_BYTES, detectCompression } from '../../codec/compression.js'
import { RefusedCompression, decompress } from '../../codec/decompress.js'
import { readFileSlice } from '../../codec/index.js'
import { BootcError } from '../../errors.js'
import { layoutInvalid, notFound } from '../transport-errors.js'
import { indexArchive } from './archive-index.js'
import type { ArchiveMember } from './archive-index.js'
import type { FileLocator } from './file-locator.js'

export interface ArchiveOptions {
  /** Where a compressed archive is unpacked, without a name, for as long as the transport is open. */
  readonly temporaryDir: string
  /** Refuse compressed archives that are larger than this when unpacked. */
  readonly maxBytes: number
  /** Symbolic links in the archive lead to its members; default: they are refused. */
  readonly links?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

/** An archive whose members can be read by offset. */
export interface OpenArchive extends FileLocator {
  /** Changes when the file does. */
  readonly identity: string
  /** Drop the unpacked copy. Idempotent. */
  close(): void
}

/** What tells one content of a file from another. @throws `TRANSPORT_NOT_FOUND` */
export async function archiveIdentity(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true })
    return [dev, ino, size, mtimeNs, ctimeNs].join(':')
  } catch (cause) {
    throw notFound(path, { path }, cause)
  }
}

/** Archives that nobody closed: their unpacked copies go with the last reference. */
const forgotten = new FinalizationRegistry((fd: number) => closeSync(fd))

/** @throws `TRANSPORT_NOT_FOUND`, `IMAGE_LAYOUT_INVALID`, `IMAGE_TOO_LARGE`, `IMAGE_COMPRESSION_UNSUPPORTED` */
export async function openArchive(path: string, options: ArchiveOptions): Promise<OpenArchive> {
  const identity = await archiveIdentity(path)
  const handle = await open(path, 'r').catch((cause: unknown) => {
    throw notFound(path, { path }, cause)
  })
  try {
    if (!(await handle.stat()).isFile()) throw layoutInvalid(path, 'not a regular file')
    if (await isCompressed(handle)) return await openUnpacked(path, identity, handle, options)
    const members = await indexArchive(handle, path, options)
    const hostPath = resolve(path)
    return { path, identity, locate: locateIn(members, hostPath), close: () => {} }
  } finally {
    await handle.close()
  }
}

async function openUnpacked(
  path: string,
  identity: string,
  source: FileHandle,
  options: ArchiveOptions,
): Promise<OpenArchive> {
  const unpacked = await unpack(path, source, options)
  try {
    const members = await indexArchive(unpacked, path, options)
    // Opened once more by number, because Node complains about handles that are left to the garbage collector.
    const fd = openSync(`/proc/self/fd/${unpacked.fd}`, 'r')
    const token = {}
    const archive: OpenArchive = {
      path,
      identity,
      locate: locateIn(members, `/proc/self/fd/${fd}`),
      close: () => {
        if (forgotten.unregister(token)) closeSync(fd)
      },
    }
    forgotten.register(archive, fd, token)
    return archive
  } finally {
    await unpacked.close()
  }
}

function locateIn(members: ReadonlyMap<string, ArchiveMember>, hostPath: string): FileLocator['locate'] {
  return (name) => {
    const member = members.get(name)
    return member && { hostPath, ...member }
  }
}

async function isCompressed(handle: FileHandle): Promise<boolean> {
  const head = Buffer.alloc(MAGIC_BYTES)
  const { bytesRead } = await handle.read(head, 0, MAGIC_BYTES, 0)
  return detectCompression(head.subarray(0, bytesRead)) !== 'none'
}

async function unpack(path: string, source: FileHandle, options: ArchiveOptions): Promise<FileHandle> {
  const { size: sizeBytes } = await source.stat()
  const name = join(options.temporaryDir, `.bootc-sdk-${randomBytes(8).toString('hex')}`)
  const target = await open(name, 'wx+', 0o600)
  const slice = { hostPath: `/proc/self/fd/${source.fd}`, offsetBytes: 0, sizeBytes }
  const reader = new ByteReader(readFileSlice(slice))
  try {
    await unlink(name)
    let written = 0
    for await (const chunk of decompress(reader)) {
      options.signal?.throwIfAborted()
      written += chunk.length
      if (written > options.maxBytes) throw tooLarge(path, options.maxBytes)
      await writeAll(target, chunk)
    }
    return target
  } catch (error) {
    await target.close()
    if (error instanceof CorruptData) throw layoutInvalid(path, 'damaged compression', {}, error)
    if (error instanceof RefusedCompression) {
      throw new BootcError(
        'IMAGE_COMPRESSION_UNSUPPORTED',
        `${path} is compressed with ${error.compression}`,
        {
          details: { path, compression: error.compression },
        },
      )
    }
    throw error
  } finally {
    await reader.close()
  }
}

async function writeAll(target: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length;) at += (await target.write(chunk, at)).bytesWritten
}

function tooLarge(path: string, limitBytes: number): BootcError {
  return new BootcError('IMAGE_TOO_LARGE', `${path} is larger than ${limitBytes} bytes when unpacked`, {
    details: { path, limitBytes },
  })
}
