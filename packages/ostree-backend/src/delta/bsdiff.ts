import { equalRun, SeedIndex, seedBytes } from './seed-index.js'

/** A place of the new file that lies over a place of the old one, not necessarily with equal bytes. */
interface Overlay {
  readonly at: number
  readonly from: number
  readonly length: number
}

/** A new alignment must explain so many bytes more than the one that is left for it. */
const minGainBytes = 8

/**
 * Differences of two files as a patch of bsdiff without its header (see `applyBspatch`): stretches of the old file
 * with what is to be added to each byte, and new bytes between them. Where a program was only moved about, nearly all
 * additions are 0. Any patch is right; better alignment makes a smaller one.
 *
 * @see ostree.md §12.5 in the format documents; C. Percival, Naive differences of executable code (2003)
 */
export function makeBsdiff(source: Buffer, target: Buffer): Buffer {
  const overlays = alignments(source, target)
  const out: Uint8Array[] = []
  let from = 0
  for (const [index, overlay] of overlays.entries()) {
    const next = overlays[index + 1]
    const end = overlay.at + overlay.length
    const extra = target.subarray(end, next?.at ?? target.length)
    const sum = Buffer.alloc(overlay.length)
    for (let k = 0; k < sum.length; k++) sum[k] = target[overlay.at + k]! - source[overlay.from + k]!
    from = overlay.from + overlay.length
    out.push(record(sum.length, extra.length, (next?.from ?? from) - from), sum, extra)
  }
  return Buffer.concat(out)
}

/** The first one starts both files, and may be empty. In order of the new file, not overlapping in it. */
function alignments(source: Buffer, target: Buffer): Overlay[] {
  const index = new SeedIndex(source)
  const out: Overlay[] = []
  let current = { at: 0, from: 0 }
  let scan = 0
  while (scan + seedBytes <= target.length) {
    // As long as the present alignment explains what comes, there is nothing to look for.
    const offset = current.from - current.at
    const run = equalRun(source, scan + offset, target, scan)
    if (run >= seedBytes) {
      scan += run
      continue
    }
    const found = index.find(target, scan)
    if (
      found.length === 0 ||
      found.length <= equalBytes(source, target, scan, offset, found.length) + minGainBytes
    ) {
      scan++
      continue
    }
    const next = backwards(source, target, { at: scan, from: found.from }, current.at)
    out.push(until(source, target, current, scan))
    current = meet(source, target, out, next)
    scan = Math.max(scan, current.at) + found.length
  }
  out.push(until(source, target, current, target.length))
  return out
}

/** An alignment goes on as long as at least half of its bytes are equal. */
function until(
  source: Buffer,
  target: Buffer,
  { at, from }: { at: number; from: number },
  end: number,
): Overlay {
  let [score, best, length] = [0, 0, 0]
  const limit = Math.min(end - at, source.length - from)
  for (let k = 0; k < limit;) {
    if (source[from + k] === target[at + k]) score++
    k++
    if (score * 2 - k > best * 2 - length) [best, length] = [score, k]
  }
  return { at, from, length }
}

/** The same before it; what belongs to both neighbours is divided by `meet`. */
function backwards(
  source: Buffer,
  target: Buffer,
  { at, from }: { at: number; from: number },
  start: number,
): { at: number; from: number } {
  let [score, best, length] = [0, 0, 0]
  for (let k = 1; k <= Math.min(at - start, from); k++) {
    if (source[from - k] === target[at - k]) score++
    if (score * 2 - k > best * 2 - length) [best, length] = [score, k]
  }
  return { at: at - length, from: from - length }
}

/** Where the last overlay reaches over the beginning of the next, cut where most bytes of both are equal. */
function meet(
  source: Buffer,
  target: Buffer,
  out: Overlay[],
  next: { at: number; from: number },
): { at: number; from: number } {
  const last = out[out.length - 1]!
  const overlap = last.at + last.length - next.at
  if (overlap <= 0) return next
  let [score, best, keep] = [0, 0, 0]
  for (let k = 0; k < overlap; k++) {
    const byte = target[next.at + k]
    if (byte === source[last.from + last.length - overlap + k]) score++
    if (byte === source[next.from + k]) score--
    if (score > best) [best, keep] = [score, k + 1]
  }
  out[out.length - 1] = { ...last, length: last.length - overlap + keep }
  return { at: next.at + keep, from: next.from + keep }
}

function equalBytes(source: Buffer, target: Buffer, at: number, offset: number, length: number): number {
  let count = 0
  for (let k = at; k < at + length; k++) {
    const from = k + offset
    if (from >= 0 && from < source.length && source[from] === target[k]) count++
  }
  return count
}

/** Magnitudes, little-endian, with the sign in the top bit. */
function record(added: number, inserted: number, seek: number): Buffer {
  const bytes = Buffer.alloc(24)
  for (const [index, value] of [added, inserted, seek].entries()) {
    bytes.writeBigUInt64LE(BigInt(Math.abs(value)) | (value < 0 ? 1n << 63n : 0n), index * 8)
  }
  return bytes
}
