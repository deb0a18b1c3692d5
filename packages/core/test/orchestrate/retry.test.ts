import { describe, expect, test } from 'vitest'
import { BootcError } from '../../src/errors.js'
import { isTransportFault, withRetry } from '../../src/orchestrate/retry.js'

const fault = new BootcError('TRANSPORT_NETWORK', 'connection reset')
const wrapped = new BootcError('STORE_IMPORT', 'layer failed', { cause: fault })

describe('retrying', () => {
  test('faults of the transport are tried again, also when wrapped', async () => {
    const waits: number[] = []
    let calls = 0
    await withRetry(() => (++calls < 3 ? Promise.reject(calls === 1 ? fault : wrapped) : Promise.resolve()), {
      attempts: 3,
      waitMs: 1,
      onRetry: ({ waitMs }) => waits.push(waitMs),
    })
    expect(calls).toBe(3)
    expect(waits).toEqual([1, 2])
  })

  test('the last fault is thrown', async () => {
    let calls = 0
    const run = () => {
      calls++
      return Promise.reject(fault)
    }
    await expect(withRetry(run, { attempts: 2, waitMs: 1, onRetry: () => undefined })).rejects.toBe(fault)
    expect(calls).toBe(2)
  })

  test.each([
    [
      'wrong content',
      new BootcError('IMAGE_DIGEST_MISMATCH', 'bad', { details: { expected: 'a', actual: 'b' } }),
    ],
    ['a refusal', new BootcError('TRANSPORT_UNAUTHORIZED', 'no')],
    ['a full disk', new BootcError('STORE_NO_SPACE', 'full', { details: { needBytes: 1, freeBytes: 0 } })],
    ['a bug', new TypeError('x')],
  ])('%s is not tried again', (_name, error) => {
    expect(isTransportFault(error)).toBe(false)
  })

  test('abort ends the wait with its reason', async () => {
    const abort = new AbortController()
    const reason = new Error('stop')
    const all = withRetry(() => Promise.reject(fault), {
      attempts: 3,
      waitMs: 60_000,
      signal: abort.signal,
      onRetry: () => setImmediate(() => abort.abort(reason)),
    })
    await expect(all).rejects.toBe(reason)
  })
})
