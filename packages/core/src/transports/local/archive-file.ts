import { closeSync, openSync } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { resolve } from 'node:path'
import { MAGIC_BYTES, detectCompression } from '../../codec/compression.js'
import { namelessFile, pathOfHandle, sliceOfHandle } from '../nameless-file.js'
import { layoutInvalid, notFound } from '../transport-errors.js'
import { indexArchive } from './archive-index.js'
import type { ArchiveMember } from './archive-index.js'
import type { FileLocator } from './file-locator.js'
import { unpacked } from './unpacked.js'

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
  const copy = await unpack(path, source, options)
  try {
    const members = await indexArchive(copy, path, options)
    // Opened once more by number, because Node complains about handles that are left to the garbage collector.
    const fd = openSync(pathOfHandle(copy), 'r')
    const token = {}
    const archive: OpenArchive = {
      path,
      identity,
      locate: locateIn(members, pathOfHandle({ fd })),
      close: () => {
        if (forgotten.unregister(token)) closeSync(fd)
      },
    }
    forgotten.register(archive, fd, token)
    return archive
  } finally {
    await copy.close()
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
  const { size } = await source.stat()
  const target = await namelessFile(options.temporaryDir)
  try {
    for await (const chunk of unpacked(sliceOfHandle(source, size), { path, maxBytes: options.maxBytes })) {
      options.signal?.throwIfAborted()
      await target.writeFile(chunk)
    }
    return target
  } catch (error) {
    await target.close()
    throw error
  }
}
