import { createHash } from 'node:crypto'
import type { Bytes } from '@bootc-sdk/core'
import { ioConcurrency } from '@bootc-sdk/core/store-kit'
import { objectName } from '../../format/checksum.js'
import { corrupt } from '../../format/errors.js'
import { encodeFileHeader } from '../../format/file-header.js'
import type { FileHeader, OstreeRepo } from '../../repo/api.js'
import { collect } from '../../repo/io.js'

/** Larger files are not read ahead. */
const wholeBytes = 256 * 1024

/** A file object. */
export interface LoadedObject {
  readonly checksum: string
  readonly header: FileHeader & { readonly sizeBytes: number }
  /** Read once. Ends with an error when header and content do not hash to the checksum, if that was asked for. */
  content(): Bytes
}

type Repo = Pick<OstreeRepo, 'fileHeader' | 'fileContent' | 'mode'>

/**
 * Read file objects in this order; small ones ahead, several at a time.
 *
 * @param options.verify compare with the checksum. Not for trees whose repository could not hold all of them, such as
 *   odd modes of symbolic links in a bare one
 * @throws BootcError `STORE_OSTREE_NO_OBJECT`, `STORE_OSTREE_CORRUPT`
 */
export async function* loadObjects(
  repo: Repo,
  checksums: readonly string[],
  { verify, signal }: { readonly verify: boolean; readonly signal?: AbortSignal | undefined },
): AsyncGenerator<LoadedObject> {
  const ahead: Promise<LoadedObject>[] = []
  let next = 0
  try {
    while (next < checksums.length || ahead.length > 0) {
      signal?.throwIfAborted()
      while (next < checksums.length && ahead.length < ioConcurrency) {
        const loading = load(repo, checksums[next++]!, verify)
        // Whoever waits for it gets the failure; until then it is nobody's.
        loading.catch(() => undefined)
        ahead.push(loading)
      }
      yield await ahead.shift()!
    }
  } finally {
    await Promise.allSettled(ahead)
  }
}

async function load(repo: Repo, checksum: string, verify: boolean): Promise<LoadedObject> {
  const header = await repo.fileHeader(checksum)
  const object = (content: () => Bytes): LoadedObject => ({ checksum, header, content })
  if (header.sizeBytes > wholeBytes) return object(() => checked(repo, checksum, header, verify))
  const bytes = await collect(checked(repo, checksum, header, verify), header.sizeBytes, `${checksum}.file`)
  return object(() => once(bytes))
}

async function* checked(
  repo: Repo,
  checksum: string,
  { sizeBytes, ...header }: LoadedObject['header'],
  verify: boolean,
): AsyncGenerator<Uint8Array> {
  const damaged = (reason: string): Error => corrupt(objectName('file', checksum, repo.mode), reason)
  const hash = verify ? createHash('sha256').update(encodeFileHeader(header)) : undefined
  let bytes = 0
  for await (const chunk of repo.fileContent(checksum)) {
    hash?.update(chunk)
    bytes += chunk.length
    // A header with this size may be out already.
    if (bytes > sizeBytes) throw damaged(`has more than ${sizeBytes} bytes`)
    yield chunk
  }
  if (bytes !== sizeBytes) throw damaged(`has ${bytes} of ${sizeBytes} bytes`)
  const actual = hash?.digest('hex')
  if (actual !== undefined && actual !== checksum) throw damaged(`content and metadata hash to ${actual}`)
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes.length > 0) yield bytes
}
