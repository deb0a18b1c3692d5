import { seededRandom } from '../seeded-random.js'
import { contentRangeLies, headerFaults, redirectTargets } from './wire-fault.js'
import type { WireFault } from './wire-fault.js'

/** What a schedule is asked about. */
export interface FaultedRequest {
  /** Without host and query. */
  readonly path: string
  /** How often this path was asked for before. */
  readonly nth: number
  readonly isRange: boolean
  /** Of the body that would be served. */
  readonly sizeBytes: number
}

/** Which response is spoiled how: a pure function of seed and request, whatever runs beside. */
export interface FaultSchedule {
  readonly seed: number
  /** `calm`, `rough`, `broken` (one fault, for ever) or `bad start`. */
  readonly temper: string
  next(request: FaultedRequest): WireFault | undefined
}

type Draw = (random: () => number, request: FaultedRequest) => WireFault

const pick = <T>(random: () => number, items: readonly T[]): T =>
  items[Math.floor(random() * items.length)] as T
const within = (random: () => number, request: FaultedRequest): number =>
  // A third of the breaks hits the head.
  Math.floor(random() < 0.33 ? random() * 200 : random() * (request.sizeBytes + 300))

const retryAfter: readonly ((random: () => number) => string)[] = [
  (random) => String(Math.floor(random() * 90)),
  (random) => new Date(Date.now() + random() * 90_000).toUTCString(),
  () => 'soon',
  () => '-1',
  () => '99999999999999999999',
]

/** By weight: breaks are what networks do most. */
const draws: readonly (readonly [weight: number, draw: Draw])[] = [
  [6, (random, request) => ({ kind: 'reset', afterBytes: within(random, request) })],
  [4, (random, request) => ({ kind: 'close', afterBytes: within(random, request) })],
  [1, (random, request) => ({ kind: 'stall', afterBytes: within(random, request) })],
  [2, (random) => ({ kind: 'drip', pieces: 2 + Math.floor(random() * 6), waitMs: 1 })],
  [3, (random) => ({ kind: 'status', status: 429, retryAfter: pick(random, retryAfter)(random) })],
  [1, () => ({ kind: 'status', status: 429 })],
  [1, (random) => ({ kind: 'status', status: 503, retryAfter: pick(random, retryAfter)(random) })],
  [3, (random) => ({ kind: 'status', status: pick(random, [500, 502, 503, 504, 408]) })],
  [1, (random) => ({ kind: 'status', status: pick(random, [400, 403, 404, 405, 410, 416, 418, 304, 300]) })],
  [2, (random) => ({ kind: 'length', by: Math.floor(random() * 41) - 20 || 7 })],
  [2, (random) => ({ kind: 'content-range', lie: pick(random, contentRangeLies) })],
  [1, () => ({ kind: 'ignore-range' })],
  [1, () => ({ kind: 'unasked-range' })],
  [2, (random) => ({ kind: 'wrong-bytes', at: random() })],
  [1, () => ({ kind: 'changed' })],
  [1, (random) => ({ kind: 'encoding', real: random() < 0.5 })],
  [1, (random) => ({ kind: 'chunked', broken: random() < 0.5 })],
  [4, (random) => ({ kind: 'redirect', to: pick(random, redirectTargets) })],
  [2, () => ({ kind: 'unauthorized' })],
  [3, (random) => ({ kind: 'headers', what: pick(random, headerFaults) })],
  [1, () => ({ kind: 'empty' })],
  [1, () => ({ kind: 'endless' })],
]
const totalWeight = draws.reduce((sum, [weight]) => sum + weight, 0)

function drawFrom(random: () => number): Draw {
  let left = random() * totalWeight
  for (const [weight, draw] of draws) if ((left -= weight) < 0) return draw
  return draws[0]![1]
}

/** The schedule of a seed. The same seed spoils the same requests in the same way. */
export function faults(seed: number): FaultSchedule {
  const random = seededRandom(seed)
  const temper = pick(random, ['calm', 'calm', 'rough', 'bad start', 'broken'])
  const only = drawFrom(random)
  const badRequests = 1 + Math.floor(random() * 3)
  return {
    seed,
    temper,
    next(request) {
      const own = seededRandom(hash(`${seed} ${request.path} ${request.nth}`))
      const chance = own()
      // Somebody must get as far as the layers: documents break less often.
      const isBlob = request.path.includes('/blobs/')
      if (temper === 'broken') {
        return isBlob || chance < 0.05 ? only(own, request) : undefined
      }
      if (temper === 'bad start') {
        return (isBlob || chance < 0.1) && request.nth < badRequests ? drawFrom(own)(own, request) : undefined
      }
      const share = (temper === 'calm' ? 0.25 : 0.6) * (isBlob ? 1 : 0.15)
      return chance < share ? drawFrom(own)(own, request) : undefined
    },
  }
}

/** FNV-1a */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193)
  return value >>> 0
}
