import type { OstreeRepo } from '../repo/api.js'

const unitBytes: Readonly<Record<string, number>> = { MB: 2 ** 20, GB: 2 ** 30, TB: 2 ** 40 }
const defaultPercent = 3

/** Bytes that may still be written before libostree's reserve (`core.min-free-space-*`) is touched. */
export async function freeBytesAfterReserve(repo: Pick<OstreeRepo, 'dir' | 'config'>): Promise<number> {
  const { freeBytes, totalBytes } = await repo.dir.space()
  return Math.max(0, Math.floor(freeBytes - reservedBytes(repo, totalBytes)))
}

function reservedBytes(repo: Pick<OstreeRepo, 'config'>, totalBytes: number): number {
  const size = /^([0-9]+)(MB|GB|TB)$/.exec(repo.config('core', 'min-free-space-size')?.trim() ?? '')
  if (size !== null) return Number(size[1]) * unitBytes[size[2]!]!
  const percent = Number(repo.config('core', 'min-free-space-percent') ?? defaultPercent)
  return Number.isInteger(percent) && percent >= 0 && percent < 100 ? (totalBytes * percent) / 100 : 0
}
