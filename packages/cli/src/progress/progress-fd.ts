import { fstatSync, writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ProgressEvent } from '@bootc-sdk/core'
import { UsageError, type Cli } from '../io.js'

/** Turns events into bootc's Progress v0 lines (`toProgressJsonl` of core/host-api, or a stand-in). */
export type ToLines = (event: ProgressEvent) => readonly string[]

/**
 * `--progress-fd N`: JSON lines into a pipe that the caller has opened. A reader that goes away costs one
 * line on stderr; the operation goes on.
 */
export function progressFd(
  cli: Cli,
  fd: number,
  toLines: ToLines,
): { onEvent: (event: ProgressEvent) => void; finish: () => Promise<void> } {
  let broken = false
  let pending: Buffer = Buffer.alloc(0)
  const send = (): void => {
    try {
      // What a full non-blocking pipe does not take goes out with the next event.
      pending = writeSome(fd, pending)
    } catch (error) {
      broken = true
      const reason = (error as NodeJS.ErrnoException).code ?? String(error)
      void cli.err.write(`progress: cannot write to fd ${fd} (${reason}); going on without\n`)
    }
  }
  return {
    onEvent(event) {
      if (broken) return
      const text = toLines(event)
        .map((line) => `${line}\n`)
        .join('')
      if (text === '') return
      pending = Buffer.concat([pending, Buffer.from(text)])
      send()
    },
    async finish() {
      for (let tries = 0; tries < finishTries && !broken && pending.length > 0; tries++) {
        await sleep(20)
        send()
      }
    },
  }
}

/** A reader that does not read for a second does not get the last lines. */
const finishTries = 50

/** Refuse what is not a pipe for this purpose before anything has started. */
export function checkProgressFd(fd: number): void {
  if (fd <= 2) throw new UsageError(`Cannot use fd ${fd} for progress JSON`)
  let isPipe: boolean
  try {
    const stat = fstatSync(fd)
    isPipe = stat.isFIFO() || stat.isSocket()
  } catch (cause) {
    throw new Error(`Cannot use fd ${fd} for progress JSON`, { cause })
  }
  if (!isPipe) throw new Error(`Cannot use fd ${fd} for progress JSON: not a pipe`)
}

function writeSome(fd: number, bytes: Buffer): Buffer {
  let rest = bytes
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return rest
      throw error
    }
  }
  return rest
}
