import { closeSync, constants, fstatSync, openSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { VerityMeasurement } from '../interfaces/index.js'
import { fdCalls } from './fd-calls.js'
import type { NodeRoot, Place } from './place.js'
import { errnoOf, treeError } from './tree-error.js'

/** @see linux/fsverity.h, FS_VERITY_HASH_ALG_* */
const numbers = { sha256: 1, sha512: 2 } as const
const names: Readonly<Record<number, VerityMeasurement['algorithm']>> = { 1: 'sha256', 2: 'sha512' }

/** A child process holds copies of our descriptors between fork and exec: a writer may be open for a moment. */
const busyWaitsMs = [1, 2, 4, 8, 16, 32, 64, 128, 256]

/** See `Dir.enableVerity`. */
export async function enableVerity(
  root: NodeRoot,
  place: Place,
  algorithm: VerityMeasurement['algorithm'],
): Promise<'enabled' | 'already'> {
  const fd = openForVerity(place)
  try {
    for (const waitMs of [...busyWaitsMs, undefined]) {
      try {
        fdCalls(root.native)!.enableVerity(fd, numbers[algorithm])
        return 'enabled'
      } catch (error) {
        if (errnoOf(error) === 'EEXIST') return 'already'
        if (errnoOf(error) !== 'ETXTBSY' || waitMs === undefined) throw error
        await sleep(waitMs)
      }
    }
    throw new Error('unreachable')
  } finally {
    closeSync(fd)
  }
}

/** See `Dir.measureVerity`. */
export function measureVerity(root: NodeRoot, place: Place): VerityMeasurement | undefined {
  const fd = openForVerity(place)
  try {
    const measured = fdCalls(root.native)!.measureVerity(fd)
    if (measured === undefined) return undefined
    const algorithm = names[measured.algorithm]
    if (algorithm === undefined) {
      throw treeError('TREE_UNSUPPORTED', place.shown, {
        problem: `has fs-verity of an unknown algorithm, ${measured.algorithm}`,
      })
    }
    return { algorithm, digest: Buffer.from(measured.digest).toString('hex') }
  } finally {
    closeSync(fd)
  }
}

/** The kernel wants a descriptor for reading only. */
function openForVerity(place: Place): number {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants
  const fd = openSync(place.path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
  if (fstatSync(fd).isFile()) return fd
  closeSync(fd)
  throw treeError('TREE_NOT_FILE', place.shown)
}
