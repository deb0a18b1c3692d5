import fc from 'fast-check'
import { isBootcError } from '@bootc-sdk/core'
import { describe, expect, it } from 'vitest'
import { parseDump } from '../../src/format/dump/parse.js'
import { printDump } from '../../src/format/dump/print.js'
import { writeErofs } from '../../src/format/erofs/write.js'
import { readGolden } from './golden-images.js'

/** Reads, prints and writes; whatever is wrong has to be a typed error. */
function use(text: Uint8Array): 'fine' | 'refused' {
  try {
    for (const flavor of ['c', 'rs'] as const) {
      const tree = parseDump(text, { flavor })
      for (const version of [0, 1, 2] as const) writeErofs(tree, { version, algorithm: 'sha256', flavor })
      for (const line of printDump(tree, { flavor })) expect(line).not.toContain('\n')
    }
    return 'fine'
  } catch (error) {
    if (isBootcError(error, 'STORE_COMPOSEFS_BAD_DUMP') || isBootcError(error, 'STORE_COMPOSEFS_INVALID')) {
      return 'refused'
    }
    throw error
  }
}

const samples = ['02-basic-types', '06-xattrs', '12-hardlinks', '15-whiteouts', '25-escapes'].map((name) =>
  readGolden(`${name}.dump`),
)

describe('damaged dumps', () => {
  it('can be cut anywhere', () => {
    const [sample] = samples as [Buffer]
    const counts = { fine: 0, refused: 0 }
    for (let end = 0; end <= sample.length; end++) counts[use(sample.subarray(0, end))]++
    expect(counts.fine).toBeGreaterThan(10)
    expect(counts.refused).toBeGreaterThan(500)
  })

  it('can have any bytes changed, lost or doubled', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...samples),
        fc.array(
          fc.record({
            at: fc.nat(),
            drop: fc.nat(3),
            put: fc.oneof(
              fc.uint8Array({ maxLength: 3 }),
              fc
                .constantFrom(
                  '@',
                  ' ',
                  '\n',
                  '-',
                  '/',
                  '..',
                  '\\x2f',
                  '\\x00',
                  '=',
                  '18446744073709551616',
                  '40755 ',
                )
                .map((text) => Buffer.from(text)),
            ),
          }),
          { minLength: 1, maxLength: 4 },
        ),
        (sample, edits) => {
          let text = Buffer.from(sample)
          for (const { at, drop, put } of edits) {
            const start = at % (text.length + 1)
            text = Buffer.concat([text.subarray(0, start), put, text.subarray(start + drop)])
          }
          use(text)
        },
      ),
      { numRuns: 1500 },
    )
  })

  it('can have their lines in any order, and twice', () => {
    fc.assert(
      fc.property(fc.constantFrom(...samples), fc.array(fc.nat(), { maxLength: 30 }), (sample, picks) => {
        const [root, ...lines] = sample.toString('latin1').split('\n')
        const chosen = picks.map((pick) => lines[pick % lines.length])
        use(Buffer.from([root, ...chosen].join('\n'), 'latin1'))
      }),
      { numRuns: 300 },
    )
  })

  it('can be no text at all', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => use(bytes) === 'refused'))
  })
})

describe('large dumps', () => {
  const ROOT = '/ 0 40755 2 0 0 0 1.0 - - -\n'

  it('may be deep', () => {
    let path = ''
    let text = ROOT
    for (let i = 0; i < 3000; i++) text += `${(path += '/d')} 0 40755 2 0 0 0 1.0 - - -\n`
    expect(use(Buffer.from(text.replace(ROOT, ROOT)))).toBe('refused')
    const tree = parseDump(Buffer.from(text))
    expect([...printDump(tree, { flavor: 'c' })].length).toBe(3001)
    expect(writeErofs(tree, { version: 2, algorithm: 'sha256' }).length).toBeGreaterThan(3000 * 64)
  })

  it('may jump from one deep place to another', { timeout: 10_000 }, () => {
    const deep = (top: string) => Array.from({ length: 1000 }, (_, i) => `/${top}${'/d'.repeat(i)}`)
    const directories = [...deep('a'), ...deep('b')].map((path) => `${path} 0 40755 2 0 0 0 1.0 - - -\n`)
    const files = Array.from({ length: 2000 }, (_, i) => {
      return `/${i % 2 ? 'a' : 'b'}${'/d'.repeat(999)}/${i} 0 100644 1 0 0 0 1.0 - - -\n`
    })
    expect(parseDump(Buffer.from(ROOT + directories.join('') + files.join(''))).root.children?.size).toBe(2)
  })
})
