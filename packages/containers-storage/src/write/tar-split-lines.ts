import { isUtf8Name, encodeName } from '@bootc-sdk/core/names'
import { Crc64 } from './crc64.js'

/** Runs of headers become a line each; longer ones are cut, as readers have a limit. */
const maxSegmentBytes = 1024 * 1024

/**
 * tar-split data of a tar, as lines of JSON: what `readTarSplit` reads, and what makes the tar again from the files.
 * Fed by the calls of a tar parser, in their order.
 *
 * @see github.com/vbatts/tar-split 0.12 tar/storage
 */
export class TarSplitLines {
  readonly #lines: string[] = []
  #position = 0
  #segment: Buffer[] = []
  #segmentBytes = 0
  #file: { readonly name: string; sizeBytes: number; readonly crc: Crc64 } | undefined

  raw(bytes: Uint8Array): void {
    this.#segment.push(Buffer.from(bytes))
    this.#segmentBytes += bytes.length
    if (this.#segmentBytes >= maxSegmentBytes) this.#flush()
  }

  /** @param name as in the tar's header */
  begin(name: string): void {
    this.#flush()
    this.#file = { name, sizeBytes: 0, crc: new Crc64() }
  }

  data(chunk: Uint8Array): void {
    const file = this.#file!
    file.sizeBytes += chunk.length
    file.crc.update(chunk)
  }

  end(): void {
    const { name, sizeBytes, crc } = this.#file!
    const named = isUtf8Name(name) ? { name } : { name_raw: encodeName(name).toString('base64') }
    const payload = sizeBytes > 0 ? crc.digest().toString('base64') : null
    this.#add({ type: 1, ...named, ...(sizeBytes > 0 ? { size: sizeBytes } : {}), payload })
    this.#file = undefined
  }

  /** After the last byte of the tar. */
  finish(): void {
    this.#flush()
  }

  /** Lines so far, each with its end. */
  take(): string {
    return this.#lines.splice(0).join('')
  }

  #flush(): void {
    if (this.#segmentBytes === 0) return
    const payload = Buffer.concat(this.#segment).toString('base64')
    this.#segment = []
    this.#segmentBytes = 0
    this.#add({ type: 2, payload })
  }

  #add(entry: Readonly<Record<string, unknown>>): void {
    this.#lines.push(`${JSON.stringify({ ...entry, position: this.#position++ })}\n`)
  }
}
