import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { InlineQueue } from '../../src/oci/inline-queue.js'
import type { SplitstreamWriter } from '../../src/repo/api.js'

/** Notes what a stream would hold. */
function recorder(): { stream: SplitstreamWriter; text: () => string } {
  const parts: string[] = []
  const stream: SplitstreamWriter = {
    inline: (data) => void parts.push(Buffer.from(data).toString('latin1')),
    external: (id, sizeBytes) => void parts.push(`<${id}:${sizeBytes}>`),
    namedRef: () => undefined,
    finish: () => Promise.resolve(''),
  }
  return { stream, text: () => parts.join('') }
}

describe('what waits for the ids of objects', () => {
  test('with nothing waiting, bytes go straight through', () => {
    const { stream, text } = recorder()
    const queue = new InlineQueue(stream)
    queue.inline(Buffer.from('abc'))
    expect([text(), queue.waitingBytes]).toEqual(['abc', 0])
  })

  test('bytes behind an object are copied and come after its id', () => {
    const { stream, text } = recorder()
    const queue = new InlineQueue(stream)
    const mine = Buffer.from('abc')
    queue.external(7)
    queue.inline(mine)
    mine.fill(0)
    expect([text(), queue.waitingBytes]).toEqual(['', 3])
    queue.settle(['id'])
    expect([text(), queue.waitingBytes]).toEqual(['<id:7>abc', 0])
  })

  test('whenever ids come, the order is that of the archive', () => {
    const step = fc.oneof(
      fc.record({ what: fc.constant('inline' as const), length: fc.oneof(fc.nat(600), fc.nat(200_000)) }),
      fc.record({ what: fc.constant('external' as const) }),
      fc.record({ what: fc.constant('settle' as const), count: fc.nat(4) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { stream, text } = recorder()
        const queue = new InlineQueue(stream)
        let expected = ''
        let announced = 0
        let settled = 0
        const settle = (count: number): void => {
          const ids = Array.from({ length: Math.min(count, announced - settled) }, () => String(settled++))
          queue.settle(ids)
        }
        for (const [i, each] of steps.entries()) {
          if (each.what === 'settle') settle(each.count)
          else if (each.what === 'external') {
            expected += `<${announced}:${announced}>`
            queue.external(announced++)
          } else {
            const letter = String.fromCharCode(97 + (i % 26))
            expected += letter.repeat(each.length)
            queue.inline(Buffer.alloc(each.length, letter))
          }
        }
        settle(Infinity)
        return text() === expected && queue.waitingBytes === 0
      }),
      { numRuns: 200 },
    )
  })
})
