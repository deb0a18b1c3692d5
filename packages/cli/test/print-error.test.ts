import { BootcError } from '@bootc-sdk/core'
import { expect, test } from 'vitest'
import { errorLine, errorReport } from '../src/print-error.js'

const inner = new BootcError('IMAGE_DIGEST_MISMATCH', 'blob is sha256:b', {
  details: { expected: 'sha256:a', actual: 'sha256:b' },
})

test('the chain becomes one line from outer to inner, with the outermost code', () => {
  const outer = new BootcError('STORE_IMPORT_FAILED', 'cannot import layer 2', { cause: inner })
  expect(errorLine(outer)).toBe('cannot import layer 2: blob is sha256:b [STORE_IMPORT_FAILED]')
})

test('a code inside a plain error is still shown', () => {
  expect(errorLine(new Error('pulling', { cause: inner }))).toBe(
    'pulling: blob is sha256:b [IMAGE_DIGEST_MISMATCH]',
  )
})

test('what a wrapper repeats is said once', () => {
  const outer = new Error('pulling: blob is sha256:b', { cause: inner })
  expect(errorLine(outer)).toBe('pulling: blob is sha256:b [IMAGE_DIGEST_MISMATCH]')
})

test('newlines and escapes in names do not break the line', () => {
  expect(errorLine(new Error('file a\nb\u001b[2J'))).toBe('file a\\nb\\x1b[2J')
})

test('a chain that bites its tail ends', () => {
  const error = new Error('a')
  error.cause = error
  expect(errorLine(error)).toBe('a')
})

test('the report has a block for every cause with code and details', () => {
  const report = errorReport(new BootcError('STORE_IMPORT_FAILED', 'cannot import', { cause: inner }))
  expect(report).toBe(
    'error: cannot import [STORE_IMPORT_FAILED]\ncaused by: blob is sha256:b [IMAGE_DIGEST_MISMATCH]\n  expected: "sha256:a"\n  actual: "sha256:b"',
  )
})

test('for mistakes of ours the report has the stack', () => {
  expect(errorReport(new TypeError('x is not a function'))).toMatch(/TypeError: x is not a function\n {2}at /)
})
