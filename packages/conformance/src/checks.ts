import assert from 'node:assert/strict'
import { isBootcError, type Bytes } from '@bootc-sdk/core'

/** Rejects with an error of ours whose code matches. */
export async function rejectsWith(code: RegExp, run: () => Promise<unknown>): Promise<void> {
  try {
    await run()
  } catch (error) {
    assert.ok(isBootcError(error), `expected an error of bootc-sdk, got ${String(error)}`)
    assert.match(error.code, code)
    assert.doesNotMatch(error.message, /\.$/, 'messages end without a full stop')
    return
  }
  assert.fail(`nothing was thrown, expected ${String(code)}`)
}

/** An aborted operation rejects with the reason itself, not with an error around it. */
export async function rejectsWithReason(run: (signal: AbortSignal) => Promise<unknown>): Promise<void> {
  const reason = new Error('stop, please')
  await assert.rejects(run(AbortSignal.abort(reason)), (error) => error === reason)
}

/** A method is there exactly when the flag that claims it is set. */
export function methodMatches(flag: boolean, method: unknown, name: string): void {
  assert.equal(typeof method === 'function', flag, `${name} must be present exactly when it is claimed`)
}

/** Results must survive a trip through JSON. */
export function isPlainData(value: unknown): void {
  assert.deepEqual(JSON.parse(JSON.stringify(value)), value)
}

export async function bytesOf(bytes: Bytes): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of bytes) chunks.push(chunk)
  return Buffer.concat(chunks)
}

export async function allOf<T>(items: AsyncIterable<T>): Promise<T[]> {
  const out: T[] = []
  for await (const item of items) out.push(item)
  return out
}
