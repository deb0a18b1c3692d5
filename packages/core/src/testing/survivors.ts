import { isBootcError } from '../errors.js'
import type { Dir } from '../interfaces/index.js'
import type { MemoryDir } from './memory-dir.js'
import { seededRandom } from './seeded-random.js'

/** A write that no sync has made durable yet; `data` is the content of a file written whole. */
export interface PendingWrite {
  readonly description: string
  readonly data?: Uint8Array
  apply(dir: Dir, data?: Uint8Array): Promise<void>
}

/** A state that a volume may be found in. */
export interface Survivor {
  /** `lost`, `empty files`, `kept`, `random 1` … */
  readonly name: string
  readonly dir: MemoryDir
}

export interface VolumeState {
  readonly current: MemoryDir
  readonly durable: MemoryDir
  readonly pending: readonly PendingWrite[]
  /** A write that was cut in its middle, by the name of its temporary file. */
  readonly interrupted?: { readonly path: string; readonly data: Uint8Array } | undefined
  /** How many random states; default 2. */
  readonly random?: number
  readonly seed?: number
}

/**
 * What a power cut may leave of writes that were not synced:
 *
 * - `lost`: nothing of them;
 * - `empty files`: all names and links, but no content of new files (delayed allocation, as in ext4);
 * - `kept`: everything, with the temporary file of the write that was interrupted;
 * - `random N`: the first so many of them, or any of them, in order, some new files cut short.
 *
 * Always the same list for the same writes and seed, also when nothing was pending.
 */
export async function survivorsOf(state: VolumeState): Promise<Survivor[]> {
  const { current, durable, pending, interrupted, random = 2, seed = 1 } = state
  const kept = current.snapshot()
  if (interrupted !== undefined) {
    const half = interrupted.data.subarray(0, interrupted.data.length >> 1)
    await ignoringTreeErrors(() => kept.write(interrupted.path, half))
  }
  const survivors: Survivor[] = [
    { name: 'lost', dir: durable.snapshot() },
    { name: 'empty files', dir: await replay(durable, pending, () => 0) },
    { name: 'kept', dir: kept },
  ]
  for (let i = 1; i <= random; i++) {
    const next = seededRandom(seed * 1000 + i)
    const some = i % 2 === 1 ? pending.slice(0, Math.floor(next() * (pending.length + 1))) : pending
    const chosen = i % 2 === 1 ? some : some.filter(() => next() < 0.6)
    const share = () => (next() < 0.3 ? next() : 1)
    survivors.push({ name: `random ${i}`, dir: await replay(durable, chosen, share) })
  }
  return survivors
}

/** Do writes again on a copy; those that lack what an earlier lost one made are lost too. */
async function replay(
  durable: MemoryDir,
  writes: readonly PendingWrite[],
  share: () => number,
): Promise<MemoryDir> {
  const dir = durable.snapshot()
  for (const { apply, data } of writes) {
    const left = data?.subarray(0, Math.floor(data.length * share()))
    await ignoringTreeErrors(() => apply(dir, left))
  }
  return dir
}

async function ignoringTreeErrors(call: () => Promise<void>): Promise<void> {
  try {
    await call()
  } catch (error) {
    if (!isBootcError(error) || !error.code.startsWith('TREE_')) throw error
  }
}
