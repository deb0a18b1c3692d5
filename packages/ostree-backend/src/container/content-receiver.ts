import type { ContentWriter, FileHeader } from '../repo/api.js'

const nothing = new Uint8Array(0)

/**
 * Hands the data of one archive member after the other to a content writer: in one call where it lies in one
 * chunk, else piece by piece.
 */
export class ContentReceiver {
  readonly #content: ContentWriter
  #current: { readonly header: FileHeader; readonly sizeBytes: number } | undefined
  #accept: ((id: number) => void) | undefined
  #openId: number | undefined

  constructor(content: ContentWriter) {
    this.#content = content
  }

  /** A member without content of its own begins. */
  skip(): void {
    this.#current = undefined
    this.#openId = undefined
  }

  /** @param accept told the id as soon as the writer gave it */
  start(header: FileHeader, sizeBytes: number, accept?: (id: number) => void): void {
    this.skip()
    if (sizeBytes === 0) {
      const id = this.#content.put(header, nothing)
      accept?.(id)
      return
    }
    this.#current = { header, sizeBytes }
    this.#accept = accept
  }

  data(chunk: Uint8Array): void {
    if (this.#current === undefined) return
    const { header, sizeBytes } = this.#current
    if (this.#openId === undefined) {
      const whole = chunk.length === sizeBytes
      const id = whole ? this.#content.put(header, chunk) : this.#content.begin(header, sizeBytes)
      this.#accept?.(id)
      if (whole) {
        this.skip()
        return
      }
      this.#openId = id
    }
    this.#content.data(this.#openId, chunk)
  }

  end(): void {
    if (this.#openId !== undefined) this.#content.end(this.#openId)
    this.skip()
  }
}
