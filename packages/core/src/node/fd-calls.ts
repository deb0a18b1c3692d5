import { spawnSync } from 'node:child_process'
import { getSystemErrorName } from 'node:util'
import type { NativeAddon, NativeSys } from '@bootc-sdk/native'
import { sharedInterpreter, type Interpreter } from './interpreter.js'
import { errnoOf } from './tree-error.js'

/** Calls on a descriptor that Node lacks. Rare: a few in an operation. */
export type FdCalls = Pick<
  NativeSys,
  'tryLock' | 'unlock' | 'setImmutable' | 'enableVerity' | 'measureVerity'
>

/** @see sys/file.h: LOCK_SH, LOCK_EX with LOCK_NB */
const flockShared = 1 | 4
const flockExclusive = 2 | 4
/** @see fcntl.h: F_RDLCK, F_WRLCK */
const readLock = 0
const writeLock = 1

/** By the addon, else by a short-lived interpreter; undefined where there is neither. */
export function fdCalls(native: NativeAddon | undefined): FdCalls | undefined {
  if (native !== undefined) return native.sys
  const interpreter = sharedInterpreter()
  return interpreter && fdCallsBy(interpreter)
}

/**
 * An interpreter that inherits the descriptor makes each call. Both kinds of locks belong to the open file, so
 * they outlive it: ours is the last descriptor.
 */
export function fdCallsBy(interpreter: Interpreter): FdCalls {
  return {
    tryLock(fd, kind, exclusive) {
      const [shared, alone] = kind === 'flock' ? [flockShared, flockExclusive] : [readLock, writeLock]
      try {
        call(interpreter, fd, kind, exclusive ? alone : shared)
        return true
      } catch (error) {
        if (['EAGAIN', 'EACCES'].includes(errnoOf(error) ?? '')) return false
        throw error
      }
    },
    /** Closing the descriptor, which is what follows, is enough. */
    unlock: () => undefined,
    setImmutable(fd, immutable) {
      call(interpreter, fd, 'immutable', immutable ? 1 : 0)
    },
    enableVerity(fd, algorithm) {
      call(interpreter, fd, 'enable-verity', algorithm)
    },
    measureVerity(fd) {
      try {
        const [algorithm, digest] = call(interpreter, fd, 'measure-verity', 0).trim().split(' ')
        return { algorithm: Number(algorithm), digest: Buffer.from(digest!, 'hex') }
      } catch (error) {
        if (errnoOf(error) === 'ENODATA') return undefined
        throw error
      }
    },
  }
}

/** What it prints. */
function call({ program, fdArgs }: Interpreter, fd: number, name: string, value: number): string {
  const { status, stdout, error } = spawnSync(program, [...fdArgs, name, String(value)], {
    cwd: '/',
    env: { LC_ALL: 'C' },
    stdio: ['ignore', 'pipe', 'ignore', fd],
    encoding: 'latin1',
  })
  if (status === 0) return stdout
  const cause = error === undefined ? {} : { cause: error }
  // Neither a program that cannot be started nor one that was killed says anything about the file.
  const code = status === null ? 'EIO' : getSystemErrorName(-status)
  throw Object.assign(new Error(`${code}: ${name}`, cause), { errno: -(status ?? 5), code })
}
