import { spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import type { ProgramEnd, RunProgram } from './types.js'

/** From SIGTERM to SIGKILL. */
const graceMs = 2000
/** For output that is still in the pipe when a program has ended; what it started may keep the pipe open for ever. */
const drainMs = 200

/**
 * Start a program in a process group of its own, without input, and wait until it has ended. On abort the whole
 * group gets SIGTERM, and SIGKILL two seconds later.
 */
export const spawnProgram: RunProgram = ([program = '', ...args], { signal, maxOutputBytes }) =>
  new Promise<ProgramEnd>((resolve) => {
    const tail = new Tail(maxOutputBytes)
    const child = spawn(program, args, { detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
    const streams: readonly Readable[] = [child.stdout, child.stderr]
    for (const stream of streams) {
      stream.on('data', (chunk: Buffer) => tail.add(chunk))
      stream.on('error', () => undefined)
    }
    let lastResort: NodeJS.Timeout | undefined
    const stop = (): void => {
      killGroup(child.pid, 'SIGTERM')
      lastResort = setTimeout(() => killGroup(child.pid, 'SIGKILL'), graceMs)
    }
    const end = (facts: Omit<ProgramEnd, 'output'>): void => {
      signal.removeEventListener('abort', stop)
      clearTimeout(lastResort)
      // What it left running after it was told to stop must not outlive it.
      if (signal.aborted) killGroup(child.pid, 'SIGKILL')
      for (const stream of streams) stream.destroy()
      resolve({ ...facts, output: tail.text() })
    }
    child.on('error', (error) => end({ startFailure: error.message }))
    child.on('exit', (exitCode, signalName) => {
      const facts = {
        ...(exitCode === null ? {} : { exitCode }),
        ...(signalName === null ? {} : { signalName }),
      }
      const late = setTimeout(() => end(facts), drainMs)
      child.once('close', () => {
        clearTimeout(late)
        end(facts)
      })
    })
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })

function killGroup(pid: number | undefined, signalName: NodeJS.Signals): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, signalName)
  } catch {
    // It has ended.
  }
}

/** The last bytes of a stream. */
class Tail {
  readonly #maxBytes: number
  #bytes: Buffer = Buffer.alloc(0)
  #isCut = false

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  add(chunk: Buffer): void {
    const all = Buffer.concat([this.#bytes, chunk])
    this.#isCut ||= all.length > this.#maxBytes
    this.#bytes = all.subarray(Math.max(0, all.length - this.#maxBytes))
  }

  text(): string {
    const text = this.#bytes.toString('utf8')
    // The cut may have gone through a character.
    return this.#isCut ? `…${text.replace(/^\ufffd+/, '')}` : text
  }
}
