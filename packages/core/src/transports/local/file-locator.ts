import { lstatSync, realpathSync } from 'node:fs'
import { join, sep } from 'node:path'
import { readFileSlice } from '../../codec/index.js'
import type { BlobSource } from '../../interfaces/transport.js'
import { layoutInvalid, notFound } from '../transport-errors.js'

/** Bytes on the host. */
export type FileSlice = NonNullable<BlobSource['file']>

/** The files of a layout, wherever they lie: a directory, or a tar archive. */
export interface FileLocator {
  /** For messages. */
  readonly path: string
  /** @param name relative, as the format has it; undefined when there is no such file */
  locate(name: string): FileSlice | undefined
}

/**
 * Files of a directory. Symbolic links are followed as long as they stay inside; whatever is no regular file
 * (a FIFO would block its reader for ever) is refused.
 *
 * @throws `TRANSPORT_NOT_FOUND` for a missing directory; `locate` throws `IMAGE_LAYOUT_INVALID`
 */
export function directoryLocator(path: string): FileLocator {
  let root: string
  try {
    root = realpathSync(path)
  } catch (cause) {
    throw notFound(path, { path }, cause)
  }
  return {
    path,
    locate(name) {
      let real: string
      try {
        real = realpathSync(join(root, name))
      } catch (cause) {
        if (isMissing(cause)) return undefined
        throw layoutInvalid(path, `${name} cannot be opened`, { name }, cause)
      }
      if (!real.startsWith(root.endsWith(sep) ? root : root + sep)) {
        throw layoutInvalid(path, `${name} is a link that leads out`, { name })
      }
      const stat = lstatSync(real)
      if (!stat.isFile()) throw layoutInvalid(path, `${name} is not a regular file`, { name })
      return { hostPath: real, offsetBytes: 0, sizeBytes: stat.size }
    },
  }
}

/** A small file whole. @throws `IMAGE_LAYOUT_INVALID` when it is missing or larger than `maxBytes` */
export async function readDocument(files: FileLocator, name: string, maxBytes: number): Promise<Uint8Array> {
  const slice = files.locate(name)
  if (!slice) throw layoutInvalid(files.path, `${name} is missing`, { name })
  if (slice.sizeBytes > maxBytes) {
    throw layoutInvalid(files.path, `${name} is larger than ${maxBytes} bytes`, {
      name,
      limitBytes: maxBytes,
    })
  }
  const chunks: Uint8Array[] = []
  for await (const chunk of readFileSlice(slice)) chunks.push(chunk)
  return Buffer.concat(chunks)
}

function isMissing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code
  return code === 'ENOENT' || code === 'ENOTDIR'
}
