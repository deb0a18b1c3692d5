import { constants } from 'node:fs'
import { mkdir, open, readdir, stat, statfs, unlink } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import type { Digest } from '../../interfaces/common.js'
import { digestAlgorithm, digestHex } from '../../oci/index.js'
import type { Descriptor } from '../../oci/types.js'
import { KeptBlob } from './kept-blob.js'

export interface PartialBlobsOptions {
  /** Made when missing, for its owner alone. */
  readonly dir: string
  /** Of all files together; the oldest go first. Default 8 GiB. */
  readonly maxBytes?: number
  /** Files that were not written to for so long go. Default a week. */
  readonly maxAgeMs?: number
  /** Smaller blobs are not worth a file. Default 1 MiB. */
  readonly minBlobBytes?: number
}

const DEFAULT_MAX_BYTES = 8 * 1024 ** 3
const DEFAULT_MAX_AGE_MS = 7 * 24 * 60 * 60 * 1000
const DEFAULT_MIN_BLOB_BYTES = 1024 * 1024
/** Unpacked layers need room too, and matter more. */
const FREE_PER_BLOB = 5
/** @see linux/magic.h: keeping blobs in memory costs what it is to save */
const TMPFS_MAGIC = 0x01021994
const fileName = /^sha(?:256|512)-[0-9a-f]{64,128}$/

/**
 * Beginnings of blobs whose transfer broke off, one file each, named by digest. Bytes are what a server sent and are
 * trusted no more than that: whoever reads a blob checks all of it against the digest.
 *
 * Several readers of one blob, in several processes, may share its file: each writes what belongs there, without gaps.
 * Nothing here ever fails a transfer: where files cannot be kept, none are.
 */
export class PartialBlobs {
  readonly #options: PartialBlobsOptions
  #swept: Promise<void> | undefined

  constructor(options: PartialBlobsOptions) {
    this.#options = options
  }

  /** The file of a blob, made when there is none; undefined where it is not worth it or not possible. */
  async open(blob: Descriptor): Promise<KeptBlob | undefined> {
    const { dir, minBlobBytes = DEFAULT_MIN_BLOB_BYTES } = this.#options
    if (blob.size < minBlobBytes) return undefined
    try {
      await mkdir(dir, { recursive: true, mode: 0o700 })
      await (this.#swept ??= sweepPartialBlobs(this.#options).then(() => undefined))
      const path = this.#path(blob.digest)
      const file = await openOwn(path)
      try {
        const { size } = await file.stat()
        if (size <= blob.size && (await this.#hasRoom(blob, size))) return new KeptBlob(file, path, size)
        await unlink(path)
      } catch (error) {
        await file.close()
        throw error
      }
      await file.close()
      return undefined
    } catch {
      return undefined
    }
  }

  /** The blob is stored elsewhere, or its bytes are wrong. */
  async drop(digest: Digest): Promise<void> {
    await unlink(this.#path(digest)).catch(() => undefined)
  }

  async #hasRoom(blob: Descriptor, keptBytes: number): Promise<boolean> {
    const { dir, maxBytes = DEFAULT_MAX_BYTES } = this.#options
    const { type, bavail, bsize } = await statfs(dir)
    if (type === TMPFS_MAGIC) return false
    if (bavail * bsize < (blob.size - keptBytes) * FREE_PER_BLOB) return false
    if (blob.size > maxBytes) return false
    await sweepPartialBlobs({ ...this.#options, maxBytes: maxBytes - blob.size, except: [blob.digest] })
    return true
  }

  #path(digest: Digest): string {
    return join(this.#options.dir, nameOf(digest))
  }
}

/**
 * Remove files that are too old, and the oldest of those that are too many. A directory that is not there is fine.
 *
 * @returns bytes that went
 */
export async function sweepPartialBlobs(
  options: Omit<PartialBlobsOptions, 'minBlobBytes'> & { readonly except?: readonly Digest[] },
): Promise<number> {
  const { dir, maxBytes = DEFAULT_MAX_BYTES, maxAgeMs = DEFAULT_MAX_AGE_MS, except = [] } = options
  const spared = new Set(except.map(nameOf))
  const names = await readdir(dir).catch(() => [])
  const files: { path: string; sizeBytes: number; changedAt: number }[] = []
  for (const name of names) {
    if (!fileName.test(name) || spared.has(name)) continue
    const path = join(dir, name)
    const facts = await stat(path).catch(() => undefined)
    if (facts) files.push({ path, sizeBytes: facts.size, changedAt: facts.mtimeMs })
  }
  files.sort((a, b) => b.changedAt - a.changedAt)
  const oldest = Date.now() - maxAgeMs
  let kept = 0
  let freed = 0
  for (const { path, sizeBytes, changedAt } of files) {
    if (changedAt >= oldest && kept + sizeBytes <= maxBytes) {
      kept += sizeBytes
      continue
    }
    await unlink(path).catch(() => undefined)
    freed += sizeBytes
  }
  return freed
}

function nameOf(digest: Digest): string {
  return `${digestAlgorithm(digest)}-${digestHex(digest)}`
}

/** Nobody else's file, and no link to one. */
async function openOwn(path: string): Promise<FileHandle> {
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK
  const file = await open(path, flags, 0o600)
  const { uid, nlink, mode } = await file.stat()
  const isFile = (mode & constants.S_IFMT) === constants.S_IFREG
  if (isFile && nlink === 1 && uid === process.geteuid?.()) return file
  await file.close()
  throw new Error(`${path} is not ours`)
}
