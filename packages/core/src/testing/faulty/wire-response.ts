import { gzipSync } from 'node:zlib'
import type { Answer } from '../registry-answer.js'
import { parseRange } from '../registry-faults.js'
import type { HeaderFault, WireFault } from './wire-fault.js'

/** A response as it goes over the wire. */
export interface WireResponse {
  readonly status: number
  readonly head: Uint8Array
  readonly body: Uint8Array
  /** What follows, after `limitBytes` of head and body: the next request, FIN, RST, silence or zeros for ever. */
  readonly then: 'go on' | 'close' | 'reset' | 'stall' | 'zeros'
  readonly limitBytes: number
  readonly lingerMs: number
  readonly drip?: { readonly pieces: number; readonly waitMs: number } | undefined
}

/** Where redirects lead, and what 401 says. */
export interface WireContext {
  readonly range: string | undefined
  readonly isHead: boolean
  readonly locations: Readonly<Record<string, string>>
  readonly challenge: Readonly<Record<string, string>>
}

interface Draft {
  status: number
  headers: [name: string, value: string][]
  body: Uint8Array
  framing: 'length' | 'chunked' | 'none'
  lengthBy: number
  protocol: string
  before: string
  then: WireResponse['then']
  limitBytes: number
}

/** Spoil an answer. Pure. */
export function wireResponse(
  answer: Answer,
  fault: WireFault | undefined,
  context: WireContext,
): WireResponse {
  const draft = draftOf(answer, fault?.kind === 'ignore-range' ? { ...context, range: undefined } : context)
  if (fault !== undefined) spoil(draft, fault, context)
  if (context.isHead) draft.body = new Uint8Array()
  const head = headOf(draft)
  const body = draft.framing === 'chunked' ? chunked(draft.body, fault) : draft.body
  const lingerMs = (fault?.kind === 'reset' || fault?.kind === 'close' ? fault.lingerMs : undefined) ?? 0
  const drip = fault?.kind === 'drip' ? fault : undefined
  return { status: draft.status, head, body, then: draft.then, limitBytes: draft.limitBytes, lingerMs, drip }
}

function draftOf(answer: Answer, { range }: WireContext): Draft {
  const draft: Draft = {
    ...answer,
    headers: Object.entries(answer.headers),
    framing: 'length',
    lengthBy: 0,
    protocol: 'HTTP/1.1',
    before: '',
    then: 'go on',
    limitBytes: Infinity,
  }
  const asked = answer.status === 200 ? parseRange(range, answer.body.length) : undefined
  if (asked === 'unsatisfiable') {
    draft.status = 416
    draft.body = new Uint8Array()
    draft.headers.push(['content-range', `bytes */${answer.body.length}`])
  } else if (asked) {
    draft.status = 206
    draft.body = answer.body.subarray(asked.first, asked.last + 1)
    draft.headers.push(['content-range', `bytes ${asked.first}-${asked.last}/${answer.body.length}`])
  }
  return draft
}

function spoil(draft: Draft, fault: WireFault, context: WireContext): void {
  switch (fault.kind) {
    case 'reset':
    case 'close':
    case 'stall':
      draft.then = fault.kind
      draft.limitBytes = fault.afterBytes
      return
    case 'status':
      replace(draft, fault.status, fault.retryAfter === undefined ? [] : [['retry-after', fault.retryAfter]])
      return
    case 'unauthorized':
      replace(draft, 401, Object.entries(context.challenge))
      return
    case 'redirect': {
      const location = context.locations[fault.to]
      replace(draft, 307, location === undefined ? [] : [['location', location]])
      return
    }
    case 'empty':
      draft.status = 204
      draft.body = new Uint8Array()
      return
    case 'length':
      draft.lengthBy = fault.by
      // Whoever waits for more is told that there is none.
      draft.then = 'close'
      return
    case 'content-range':
      lieAboutRange(draft, fault.lie)
      return
    case 'unasked-range':
      if (draft.status !== 200 || draft.body.length < 2) return
      draft.status = 206
      draft.headers.push(['content-range', `bytes 1-${draft.body.length - 1}/${draft.body.length}`])
      draft.body = draft.body.subarray(1)
      return
    case 'wrong-bytes': {
      if (draft.body.length === 0) return
      const body = Uint8Array.from(draft.body)
      const at = Math.floor(fault.at * body.length)
      body[at] = body[at]! ^ 0x20
      draft.body = body
      return
    }
    case 'changed':
      draft.body = new Uint8Array(draft.body.length).fill(0x20)
      draft.headers.push(['etag', '"changed"'])
      return
    case 'encoding':
      draft.headers.push(['content-encoding', 'gzip'])
      if (fault.real) draft.body = gzipSync(draft.body)
      return
    case 'chunked':
      draft.framing = 'chunked'
      if (fault.broken) draft.then = 'close'
      return
    case 'endless':
      draft.framing = 'none'
      draft.then = 'zeros'
      return
    case 'headers':
      spoilHeaders(draft, fault.what)
      return
    case 'drip':
    case 'ignore-range':
  }
}

function replace(draft: Draft, status: number, headers: [string, string][]): void {
  draft.status = status
  draft.headers = [['content-type', 'text/plain'], ...headers]
  draft.body = Buffer.from('no')
}

function lieAboutRange(draft: Draft, lie: string): void {
  const index = draft.headers.findIndex(([name]) => name === 'content-range')
  const [first, last, total] =
    /([0-9]+)-([0-9]+)\/([0-9]+)/.exec(draft.headers[index]?.[1] ?? '')?.slice(1) ?? []
  if (first === undefined) return
  const say = (text: string) => (draft.headers[index] = ['content-range', text])
  if (lie === 'start') say(`bytes ${Number(first) + 1}-${last}/${total}`)
  if (lie === 'end') say(`bytes ${first}-${Number(last) - 1}/${total}`)
  if (lie === 'total') say(`bytes ${first}-${last}/${Number(total) + 5}`)
  if (lie === 'garbage') say('bytes what/ever')
  if (lie === 'absent') draft.headers.splice(index, 1)
  if (lie === 'twice') draft.headers.push(['content-range', `bytes ${first}-${last}/${total}`])
  // The header is right and the body is another part.
  if (lie === 'shifted') draft.body = Buffer.concat([draft.body.subarray(1), Buffer.from([0])])
}

function spoilHeaders(draft: Draft, what: HeaderFault): void {
  const { headers } = draft
  if (what === 'length-twice') headers.push(['content-length', String(draft.body.length)])
  if (what === 'lengths-differ') headers.push(['content-length', String(draft.body.length + 3)])
  if (what === 'type-twice') headers.push(['content-type', 'text/html'])
  if (what === 'no-colon') headers.push(['this is no header', ''])
  if (what === 'nul') headers.push(['x-nul', 'a\0b'])
  if (what === 'huge') headers.push(['x-huge', 'h'.repeat(40_000)])
  if (what === 'many') for (let i = 0; i < 3000; i++) headers.push([`x-${i}`, 'v'])
  if (what === 'folded') headers.push(['x-folded', 'a\r\n b'])
  if (what === 'status-line') draft.protocol = 'HTCPCP/9'
  if (what === 'http-1.0') draft.protocol = 'HTTP/1.0'
  if (what === 'http-1.0') draft.then = 'close'
  if (what === 'early-hints') draft.before = 'HTTP/1.1 103 Early Hints\r\nlink: </x>; rel=preload\r\n\r\n'
}

function headOf({ status, headers, body, framing, lengthBy, protocol, before }: Draft): Buffer {
  const lines = headers.map(([name, value]) => (name === 'this is no header' ? name : `${name}: ${value}`))
  if (framing === 'length' && status !== 204) {
    lines.push(`content-length: ${Math.max(0, body.length + lengthBy)}`)
  }
  if (framing === 'chunked') lines.push('transfer-encoding: chunked')
  return Buffer.from(`${before}${protocol} ${status} Whatever\r\n${lines.join('\r\n')}\r\n\r\n`, 'latin1')
}

function chunked(body: Uint8Array, fault: WireFault | undefined): Buffer {
  const half = Math.floor(body.length / 2)
  const parts = [body.subarray(0, half), body.subarray(half)].filter((part) => part.length > 0)
  const pieces = parts.flatMap((part, i) => {
    const lie = fault?.kind === 'chunked' && fault.broken && i === 1 ? 9 : 0
    return [Buffer.from(`${(part.length + lie).toString(16)}\r\n`), part, Buffer.from('\r\n')]
  })
  return Buffer.concat([...pieces, Buffer.from('0\r\n\r\n')])
}
