import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Answer } from './registry-answer.js'

/** What a faulty registry does instead of answering properly; members combine. */
export interface Fault {
  readonly status?: number
  /** Added or replaced; `null` removes. */
  readonly headers?: Readonly<Record<string, string | null>>
  readonly body?: Uint8Array
  /** `Location`, with status 307 unless another is given. */
  readonly redirect?: string
  /** Answer a range request with 200 and everything. */
  readonly ignoreRange?: boolean
  /** Break the connection after so many bytes of the body. */
  readonly cutAfterBytes?: number
  /** Say nothing more after so many bytes of the body. */
  readonly stallAfterBytes?: number
  /** No `Content-Length`. */
  readonly chunked?: boolean
  /** The body, then zeros until the reader goes away. */
  readonly endless?: boolean
}

/** Part of the path, or a pattern for `METHOD PATH`. */
export type FaultMatch = string | RegExp

/** Which request gets which fault. */
export class FaultPlan {
  #faults: { readonly match: FaultMatch; readonly fault: Fault; left: number }[] = []

  add(match: FaultMatch, fault: Fault, times = Infinity): void {
    this.#faults.push({ match, fault, left: times })
  }

  clear(): void {
    this.#faults = []
  }

  take(method: string, path: string): Fault | undefined {
    const found = this.#faults.find(
      ({ match, left }) =>
        left > 0 && (typeof match === 'string' ? path.includes(match) : match.test(`${method} ${path}`)),
    )
    if (found) found.left--
    return found?.fault
  }
}

/** Send an answer, spoiled by the fault. */
export async function sendWithFault(
  request: IncomingMessage,
  response: ServerResponse,
  answer: Answer,
  fault: Fault = {},
): Promise<void> {
  let { status, body } = answer
  const headers = new Map<string, string>(Object.entries(answer.headers))
  const range =
    fault.ignoreRange || status !== 200 ? undefined : parseRange(request.headers.range, body.length)
  if (range === 'unsatisfiable') {
    status = 416
    headers.set('content-range', `bytes */${body.length}`)
    body = Buffer.alloc(0)
  } else if (range) {
    status = 206
    headers.set('content-range', `bytes ${range.first}-${range.last}/${body.length}`)
    body = body.subarray(range.first, range.last + 1)
  }
  if (fault.body) body = fault.body
  if (fault.redirect !== undefined) {
    status = 307
    headers.set('location', fault.redirect)
    body = Buffer.alloc(0)
  }
  status = fault.status ?? status
  if (!fault.chunked && !fault.endless) headers.set('content-length', String(body.length))
  for (const [name, value] of Object.entries(fault.headers ?? {})) {
    if (value === null) headers.delete(name)
    else headers.set(name, value)
  }
  response.writeHead(status, Object.fromEntries(headers))
  if (request.method === 'HEAD') return void response.end()
  await sendBody(response, body, fault)
}

async function sendBody(response: ServerResponse, body: Uint8Array, fault: Fault): Promise<void> {
  const { cutAfterBytes, stallAfterBytes } = fault
  const limit = Math.min(cutAfterBytes ?? Infinity, stallAfterBytes ?? Infinity)
  if (body.length > limit || (limit < Infinity && fault.endless)) {
    await write(response, body.subarray(0, limit))
    if (cutAfterBytes === limit) response.destroy()
    return
  }
  if (!fault.endless) return void response.end(body)
  await write(response, body)
  const zeros = Buffer.alloc(64 * 1024)
  while (!response.destroyed) await write(response, zeros)
}

/** Resolves when the bytes left this process, or nobody wants them. */
function write(response: ServerResponse, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    response.once('close', resolve)
    response.flushHeaders()
    response.write(bytes, () => {
      response.off('close', resolve)
      resolve()
    })
  })
}

/** First and last byte of a `Range` header with one range. */
export function parseRange(
  header: string | undefined,
  sizeBytes: number,
): { readonly first: number; readonly last: number } | 'unsatisfiable' | undefined {
  const match = /^bytes=([0-9]+)-([0-9]*)$/.exec(header ?? '')
  if (!match) return undefined
  const first = Number(match[1])
  const last = match[2] === '' ? sizeBytes - 1 : Math.min(Number(match[2]), sizeBytes - 1)
  return first >= sizeBytes || last < first ? 'unsatisfiable' : { first, last }
}
