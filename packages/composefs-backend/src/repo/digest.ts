import { createReadStream } from 'node:fs'
import { encodeName } from '@bootc-sdk/core/names'
import { getNative } from '@bootc-sdk/core/node'
import { algorithmNumber, type ObjectId, type VerityAlgorithm } from '../format/types.js'
import { verityDigest, VerityHasher } from '../format/verity.js'

/** fs-verity digest of bytes in memory, by the addon where there is one. Synchronous. */
export function digestOf(data: Uint8Array, algorithm: VerityAlgorithm): ObjectId {
  const native = getNative()
  if (native === undefined) return verityDigest(data, algorithm)
  return native.verityDigest(data, algorithmNumber[algorithm])
}

/** What became of a file: its digest, or why it cannot be read (`ENOENT`, `EACCES`, `EIO` …). */
export type FileDigest = { readonly digest: ObjectId; readonly sizeBytes: number } | { readonly code: string }

/**
 * fs-verity digests of whole files, in the order of `paths`; final symbolic links are followed. One file that
 * cannot be read does not fail the others.
 *
 * @param paths host paths; bytes that are not UTF-8 as in `core/names`
 * @param options.threads of the addon; default 2. Without it files are read one after the other
 */
export async function digestFiles(
  paths: readonly string[],
  algorithm: VerityAlgorithm,
  options: { readonly threads?: number; readonly signal?: AbortSignal } = {},
): Promise<FileDigest[]> {
  const { signal, threads } = options
  signal?.throwIfAborted()
  const native = getNative()
  const out: FileDigest[] = []
  if (native === undefined) {
    for (const path of paths) out.push(await digestFile(path, algorithm, signal))
    return out
  }
  // In parts, so that an abort does not wait for a whole repository.
  for (let at = 0; at < paths.length; at += filesPerCall) {
    signal?.throwIfAborted()
    const part = paths.slice(at, at + filesPerCall)
    const given = threads === undefined ? {} : { threads }
    out.push(...(await native.verityDigestFiles(part, algorithmNumber[algorithm], given)))
  }
  signal?.throwIfAborted()
  return out
}

const filesPerCall = 1024

async function digestFile(
  path: string,
  algorithm: VerityAlgorithm,
  signal: AbortSignal | undefined,
): Promise<FileDigest> {
  const hasher = new VerityHasher(algorithm)
  try {
    const chunks = createReadStream(encodeName(path), { highWaterMark: 1 << 20 })
    for await (const chunk of chunks as AsyncIterable<Buffer>) {
      signal?.throwIfAborted()
      hasher.update(chunk)
    }
  } catch (error) {
    signal?.throwIfAborted()
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (typeof code !== 'string') throw error
    return { code }
  }
  return { digest: hasher.digest(), sizeBytes: hasher.sizeBytes }
}
