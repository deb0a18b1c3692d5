import { expect, test } from 'vitest'
import { formatBytes, formatDuration, formatRate, printable, shortDigest } from '../src/format.js'

test.each([
  [0, '0 bytes'],
  [1, '1 byte'],
  [999, '999 bytes'],
  [1000, '1.0 kB'],
  [999_949, '999.9 kB'],
  [999_950, '1.0 MB'],
  [1_234_567_890, '1.2 GB'],
  [5e18, '5000.0 PB'],
])('%d is %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text)
})

test.each([
  [12, '12 ms'],
  [4230, '4.2 s'],
  [59_960, '1 min 00 s'],
  [187_000, '3 min 07 s'],
])('%d ms is %s', (milliseconds, text) => {
  expect(formatDuration(milliseconds)).toBe(text)
})

test('a rate needs bytes and time', () => {
  expect(formatRate(3_000_000, 1500)).toBe('2.0 MB/s')
  expect(formatRate(0, 10)).toBe('')
  expect(formatRate(10, 0)).toBe('')
})

test('a digest is cut to what tells it apart', () => {
  expect(shortDigest(`sha256:${'ab'.repeat(32)}`)).toBe('sha256:abababababab')
})

test('control characters, broken bytes and half characters never reach the terminal', () => {
  expect(printable('a\nb\u001b[31mc\u0007\udcff\ud800 é 😀')).toBe('a\\nb\\x1b[31mc\\x07\\xff\\ud800 é 😀')
})
