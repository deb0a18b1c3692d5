import { checksumBytes } from '../format/checksum.js'
import { invalid } from '../format/errors.js'

/** From which commit to which; without `from` the delta holds everything. */
export interface DeltaName {
  readonly from?: string
  readonly to: string
}

/** Standard base64 of a checksum without padding, `/` as `_`: 43 characters. */
function shortened(checksum: string): string {
  return checksumBytes(checksum).toString('base64').replace('=', '').replaceAll('/', '_')
}

function lengthened(text: string): string | undefined {
  if (!/^[A-Za-z0-9+_]{43}$/.test(text)) return undefined
  return Buffer.from(text.replaceAll('_', '/'), 'base64').toString('hex')
}

/** Directory of a delta, relative to the repository. @see ostree.md §12.1 in the format documents */
export function deltaDir({ from, to }: DeltaName): string {
  const target = shortened(to)
  const name = from === undefined ? target : `${shortened(from)}-${target}`
  return `deltas/${name.slice(0, 2)}/${name.slice(2)}`
}

/** Where the deltas that lead to a commit are listed. */
export function deltaIndexPath(to: string): string {
  const name = shortened(to)
  return `delta-indexes/${name.slice(0, 2)}/${name.slice(2)}.index`
}

/** As in summaries and lists: `FROM-TO` or `TO`, in hex. */
export function printDeltaName({ from, to }: DeltaName): string {
  return from === undefined ? to : `${from}-${to}`
}

/** @throws BootcError `STORE_OSTREE_INVALID` */
export function parseDeltaName(text: string): DeltaName {
  const match = /^(?:([0-9a-f]{64})-)?([0-9a-f]{64})$/.exec(text)
  if (match === null) throw invalid(`delta ${JSON.stringify(text.slice(0, 140))}`, 'not FROM-TO or TO')
  const [, from, to] = match
  return from === undefined ? { to: to! } : { from, to: to! }
}

/** The delta of a directory `deltas/PREFIX/REST`; undefined for names of something else. */
export function deltaOfDir(prefix: string, rest: string): DeltaName | undefined {
  const [first, second, ...more] = `${prefix}${rest}`.split('-').map(lengthened)
  if (first === undefined || more.length > 0) return undefined
  if (`${prefix}${rest}`.includes('-') && second === undefined) return undefined
  return second === undefined ? { to: first } : { from: first, to: second }
}
