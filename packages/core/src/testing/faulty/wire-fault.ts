/** What happens to one response; `afterBytes` count from the first byte of the status line. */
export type WireFault =
  /** The connection breaks (RST) or ends (FIN), after a while in which what was sent can arrive (default none). */
  | { readonly kind: 'reset' | 'close'; readonly afterBytes: number; readonly lingerMs?: number }
  /** Nothing more comes, and the connection stays open. */
  | { readonly kind: 'stall'; readonly afterBytes: number }
  /** The body comes in so many pieces. */
  | { readonly kind: 'drip'; readonly pieces: number; readonly waitMs: number }
  | { readonly kind: 'status'; readonly status: number; readonly retryAfter?: string }
  /** `Content-Length` is off by so many bytes; the body is not. */
  | { readonly kind: 'length'; readonly by: number }
  | { readonly kind: 'content-range'; readonly lie: ContentRangeLie }
  /** 200 and everything for a part; 206 for everything. */
  | { readonly kind: 'ignore-range' | 'unasked-range' }
  /** One byte is another, at this fraction of the body. */
  | { readonly kind: 'wrong-bytes'; readonly at: number }
  /** Something else of the same length, with another ETag. */
  | { readonly kind: 'changed' }
  /** `Content-Encoding: gzip`, over raw bytes or really compressed. */
  | { readonly kind: 'encoding'; readonly real: boolean }
  | { readonly kind: 'chunked'; readonly broken: boolean }
  | { readonly kind: 'redirect'; readonly to: RedirectTarget }
  /** 401 with the challenge, as when a token is forgotten in the middle. */
  | { readonly kind: 'unauthorized' }
  | { readonly kind: 'headers'; readonly what: HeaderFault }
  /** A status without a body. */
  | { readonly kind: 'empty' }
  /** More and more bytes after the body, without a length. */
  | { readonly kind: 'endless' }

export const contentRangeLies = ['start', 'end', 'total', 'absent', 'garbage', 'twice', 'shifted'] as const
export type ContentRangeLie = (typeof contentRangeLies)[number]

/** `elsewhere`: another origin that has it; `expired`: one that had it (403). */
export const redirectTargets = [
  'elsewhere',
  'expired',
  'loop',
  'plain-http',
  'file',
  'nonsense',
  'nowhere',
] as const
export type RedirectTarget = (typeof redirectTargets)[number]

export const headerFaults = [
  'length-twice',
  'lengths-differ',
  'type-twice',
  'no-colon',
  'nul',
  'huge',
  'many',
  'folded',
  'status-line',
  'http-1.0',
  'early-hints',
] as const
export type HeaderFault = (typeof headerFaults)[number]

/** One line for a failure's report. */
export function describeFault(fault: WireFault | undefined): string {
  return fault === undefined ? 'fine' : JSON.stringify(fault)
}
