import { expect, test } from 'vitest'
import fc from 'fast-check'
import { byteMeter } from '../../src/orchestrate/byte-meter.js'
import type { ByteProgress } from '../../src/progress.js'

test('tells at most ten times a second, and exactly once at the end', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ bytes: fc.nat(1000), ms: fc.nat(60) }), { maxLength: 200 }),
      (chunks) => {
        let time = 0
        let bytes = 0
        const events: (ByteProgress & { time: number })[] = []
        const total = chunks.reduce((sum, chunk) => sum + chunk.bytes, 0)
        const meter = byteMeter('layer', total, (event) => events.push({ ...event, time }), {
          now: () => time,
        })
        for (const chunk of chunks) {
          time += chunk.ms
          bytes += chunk.bytes
          meter.set(bytes)
        }
        meter.end()
        expect(events.at(-1)).toMatchObject({ id: 'layer', bytes: total, totalBytes: total })
        const before = events.slice(0, -1)
        before.forEach((event, i) => {
          if (i > 0) expect(event.time - before[i - 1]!.time).toBeGreaterThanOrEqual(100)
          if (total > 0) expect(event.bytes).toBeLessThan(total)
        })
      },
    ),
  )
})
