import { isBootcError, type Bytes } from '@bootc-sdk/core'
import { badStream } from '../format/errors.js'
import {
  parseIds,
  parseSplitstreamHeader,
  parseSplitstreamInfo,
  splitstreamHeaderBytes,
  splitstreamInfoBytes,
  type FileRange,
  type SplitstreamInfo,
} from '../format/splitstream.js'
import { maxNamedRefsBytes, parseNamedRefs } from '../format/splitstream-names.js'
import { PieceParser } from '../format/splitstream-pieces.js'
import { objectPath, type ObjectId } from '../format/types.js'
import type { SplitstreamReader } from './api.js'
import type { RepoContext } from './context.js'
import { noObject } from './errors.js'
import { collect } from './io.js'
import type { ObjectStore } from './object-store.js'
import { decodeZstd } from './zstd-decoder.js'

/** References of one stream: more than the files that an image may have, and they fit into memory. */
const maxRefsBytes = 256 * 1024 * 1024

/** A splitstream in the repository: references are read at once, pieces as they are asked for. */
export class RepoSplitstream implements SplitstreamReader {
  readonly #context: RepoContext
  readonly #store: ObjectStore
  readonly #id: ObjectId
  readonly #info: SplitstreamInfo
  readonly objectRefs: readonly ObjectId[]
  readonly streamRefs: readonly ObjectId[]
  readonly namedRefs: ReadonlyMap<string, ObjectId>

  private constructor(
    context: RepoContext,
    store: ObjectStore,
    id: ObjectId,
    info: SplitstreamInfo,
    refs: Pick<SplitstreamReader, 'objectRefs' | 'streamRefs' | 'namedRefs'>,
  ) {
    this.#context = context
    this.#store = store
    this.#id = id
    this.#info = info
    this.objectRefs = refs.objectRefs
    this.streamRefs = refs.streamRefs
    this.namedRefs = refs.namedRefs
  }

  static async open(context: RepoContext, store: ObjectStore, id: ObjectId): Promise<RepoSplitstream> {
    const { algorithm } = context.meta
    const sizeBytes = await store.size(id)
    if (sizeBytes === undefined) throw noObject(id)
    const file = { name: id, sizeBytes, algorithm }
    const section = async ({ start, end }: FileRange, maxBytes: number): Promise<Buffer> => {
      if (end - start > maxBytes) throw badStream(id, `a section has ${end - start} bytes`)
      const bytes = start === end ? Buffer.alloc(0) : await collect(store.open(id, { start, end }), maxBytes)
      if (bytes?.length !== end - start) throw badStream(id, 'ends early')
      return bytes
    }
    const head = await section(
      { start: 0, end: Math.min(sizeBytes, splitstreamHeaderBytes) },
      splitstreamHeaderBytes,
    )
    const { start } = parseSplitstreamHeader(head, file)
    const info = parseSplitstreamInfo(
      await section({ start, end: start + splitstreamInfoBytes }, splitstreamInfoBytes),
      file,
    )
    const streamRefs = parseIds(await section(info.streamRefs, maxRefsBytes), algorithm)
    const objectRefs = parseIds(await section(info.objectRefs, maxRefsBytes), algorithm)
    const names: Uint8Array[] = []
    await wrapped(id, async () => {
      for await (const chunk of decode(context, store, id, info.namedRefs, maxNamedRefsBytes))
        names.push(chunk)
    })
    const namedRefs = parseNamedRefs(Buffer.concat(names), streamRefs, id)
    return new RepoSplitstream(context, store, id, info, { streamRefs, objectRefs, namedRefs })
  }

  get contentType(): bigint {
    return this.#info.contentType
  }

  get sizeBytes(): number {
    return this.#info.sizeBytes
  }

  async *pieces(): AsyncGenerator<
    { readonly inline: Uint8Array } | { readonly object: ObjectId; readonly index: number }
  > {
    const { stream, sizeBytes } = this.#info
    const parser = new PieceParser(this.#id, this.objectRefs.length, sizeBytes)
    // Numbers of objects are not part of the original; an empty object costs eight bytes and adds nothing.
    const maxBytes = Number.MAX_SAFE_INTEGER
    const chunks = decode(this.#context, this.#store, this.#id, stream, maxBytes)
    try {
      for (;;) {
        const next = await wrapped(this.#id, () => chunks.next())
        if (next.done === true) break
        for (const piece of parser.push(next.value)) {
          if ('inline' in piece) yield piece
          else yield { object: this.objectRefs[piece.index]!, index: piece.index }
        }
      }
      parser.end()
    } finally {
      await chunks.return(undefined)
    }
  }

  async *read(): Bytes {
    let length = 0
    const count = (chunk: Uint8Array): Uint8Array => {
      length += chunk.length
      if (length > this.sizeBytes) throw this.#wrongSize('more than ')
      return chunk
    }
    for await (const piece of this.pieces()) {
      if ('inline' in piece) yield count(piece.inline)
      else for await (const chunk of this.#store.open(piece.object)) yield count(chunk)
    }
    if (length !== this.sizeBytes) throw this.#wrongSize('not ')
  }

  #wrongSize(how: string) {
    return badStream(this.#id, `its content is ${how}the ${this.sizeBytes} bytes that it states`)
  }
}

function decode(
  { native }: RepoContext,
  store: ObjectStore,
  id: ObjectId,
  { start, end }: FileRange,
  maxBytes: number,
): AsyncGenerator<Uint8Array> {
  const section = { path: `objects/${objectPath(id)}`, start, end }
  return decodeZstd(section, (range) => store.open(id, range), maxBytes, native)
}

/** What a decompressor says of damage, in our words; our own errors and those of reading pass. */
async function wrapped<T>(id: ObjectId, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (isBootcError(error) || !isDamage(error)) throw error
    throw badStream(id, `cannot be decompressed: ${(error as Error).message}`)
  }
}

/** Codes of the addon's decoder, or the plain errors of the JavaScript one. */
function isDamage(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (!('code' in error)) return error.name === 'Error'
  return ['CORRUPT', 'TRUNCATED', 'LIMIT'].includes(error.code as string)
}
