import { BootcError } from '../errors.js'
import { decodeName } from '../names/index.js'

/** A piece of a tar: bytes as they are, or the content of a file that is kept elsewhere. */
export type TarSplitItem =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | {
      readonly kind: 'file'
      /** As in the tar's header, with bytes that are not UTF-8 as `decodeName` gives them. */
      readonly name: string
      readonly sizeBytes: number
    }

/** A line holds a run of headers, of which a tar of small files has few in a row. */
const maxLineBytes = 16 * 1024 * 1024

/**
 * Read tar-split data (JSON lines, already decompressed): what is needed beside the files to make the tar again
 * to the byte. Files without content are left out. Checksums of files are not looked at: a layer's digest covers them.
 *
 * @throws BootcError `IMAGE_LAYOUT_INVALID`
 * @see github.com/vbatts/tar-split 0.12 tar/storage
 */
export async function* readTarSplit(source: AsyncIterable<Uint8Array>): AsyncGenerator<TarSplitItem> {
  let position = 0
  for await (const line of linesOf(source)) {
    if (line.length === 0) continue
    const entry = parseLine(line, position)
    if (entry.position !== position) throw invalid(position, `is entry ${String(entry.position)}`)
    position++
    if (entry.type === 2) {
      const bytes = Buffer.from(typeof entry.payload === 'string' ? entry.payload : '', 'base64')
      if (bytes.length > 0) yield { kind: 'bytes', bytes }
    } else if (entry.type === 1) {
      const sizeBytes = entry.size ?? 0
      if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0) throw invalid(position, 'has no proper size')
      if (sizeBytes > 0) yield { kind: 'file', name: nameOf(entry, position), sizeBytes }
    } else throw invalid(position, `is of unknown type ${String(entry.type)}`)
  }
}

interface Line {
  readonly type?: unknown
  readonly name?: unknown
  readonly name_raw?: unknown
  readonly size?: number
  readonly payload?: unknown
  readonly position?: unknown
}

function parseLine(line: Buffer, position: number): Line {
  try {
    const value: unknown = JSON.parse(line.toString('utf8'))
    if (typeof value === 'object' && value !== null) return value
  } catch (cause) {
    throw invalid(position, 'is not JSON', cause)
  }
  throw invalid(position, 'is no object')
}

/** Names that are not UTF-8 come as base64. */
function nameOf({ name, name_raw: raw }: Line, position: number): string {
  if (typeof raw === 'string' && raw !== '') return decodeName(Buffer.from(raw, 'base64'))
  if (typeof name === 'string' && name !== '') return name
  throw invalid(position, 'has no name')
}

async function* linesOf(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let rest: Uint8Array[] = []
  let restBytes = 0
  for await (const chunk of source) {
    let start = 0
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      yield Buffer.concat([...rest, chunk.subarray(start, end)])
      rest = []
      restBytes = 0
      start = end + 1
    }
    if (start < chunk.length) {
      // Sources may use their buffers again.
      rest.push(Buffer.from(chunk.subarray(start)))
      restBytes += chunk.length - start
      if (restBytes > maxLineBytes) throw invalid(-1, `is longer than ${maxLineBytes} bytes`)
    }
  }
  if (restBytes > 0) yield Buffer.concat(rest)
}

function invalid(position: number, problem: string, cause?: unknown): BootcError {
  const where = position < 0 ? 'a line' : `line ${position + 1}`
  return new BootcError('IMAGE_LAYOUT_INVALID', `tar-split data: ${where} ${problem}`, {
    details: { position },
    cause,
  })
}
