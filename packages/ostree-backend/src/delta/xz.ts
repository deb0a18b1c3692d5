import { spawn } from 'node:child_process'
import { BootcError } from '@bootc-sdk/core'
import { corrupt, unsupported } from '../format/errors.js'

declare module '@bootc-sdk/core' {
  interface ErrorDetails {
    /** xz, which parts of static deltas are compressed with, is not on this machine. */
    STORE_OSTREE_NO_XZ: { program: string }
  }
}

/**
 * Node has no decoder for xz, so the program does it (package `xz-utils`, or `xz`).
 *
 * @param maxBytes more is refused, whatever the stream says
 * @throws BootcError `STORE_OSTREE_NO_XZ`, `STORE_OSTREE_CORRUPT`
 */
export async function unxz(
  bytes: Uint8Array,
  maxBytes: number,
  what: string,
  signal?: AbortSignal,
): Promise<Buffer> {
  const { output, code, message } = await runXz(
    ['--decompress', '--memlimit=512MiB'],
    bytes,
    maxBytes,
    signal,
  )
  if (output === undefined) throw corrupt(what, `is larger than ${maxBytes} bytes when unpacked`)
  if (code !== 0) throw corrupt(what, `xz says: ${message}`)
  return output
}

/** One stream with CRC64, as readers of deltas expect it. @throws BootcError `STORE_OSTREE_NO_XZ` */
export async function toXz(bytes: Uint8Array, signal?: AbortSignal): Promise<Buffer> {
  const { output, code, message } = await runXz(
    ['--compress', '--check=crc64', '-6', '--threads=1'],
    bytes,
    Number.POSITIVE_INFINITY,
    signal,
  )
  if (output !== undefined && code === 0) return output
  throw unsupported('xz', message || `exit code ${code}`)
}

interface Outcome {
  /** Undefined beyond the limit. */
  readonly output: Buffer | undefined
  readonly code: number | null
  readonly message: string
}

function runXz(args: string[], input: Uint8Array, maxBytes: number, signal?: AbortSignal): Promise<Outcome> {
  signal?.throwIfAborted()
  return new Promise((resolve, reject) => {
    const child = spawn('xz', ['--stdout', '--format=xz', ...args], { stdio: 'pipe' })
    const chunks: Buffer[] = []
    let [bytes, message] = [0, '']
    const stop = () => child.kill('SIGKILL')
    signal?.addEventListener('abort', stop, { once: true })
    child.stdout.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > maxBytes) stop()
      else chunks.push(chunk)
    })
    child.stderr.on('data', (chunk: Buffer) => (message = (message + chunk.toString()).slice(0, 1000)))
    // It may stop reading when the stream is wrong.
    child.stdin.on('error', () => undefined)
    child.on('error', (cause: NodeJS.ErrnoException) => {
      signal?.removeEventListener('abort', stop)
      reject(cause.code === 'ENOENT' ? noXz(cause) : unsupported('xz', cause.message, cause))
    })
    child.on('close', (code) => {
      signal?.removeEventListener('abort', stop)
      if (signal?.aborted === true) return reject(signal.reason as Error)
      const output = bytes > maxBytes ? undefined : Buffer.concat(chunks)
      resolve({ output, code, message: message.trim() })
    })
    child.stdin.end(input)
  })
}

function noXz(cause: Error): BootcError {
  return new BootcError('STORE_OSTREE_NO_XZ', 'the program xz is missing, which static deltas need', {
    details: { program: 'xz' },
    cause,
  })
}
