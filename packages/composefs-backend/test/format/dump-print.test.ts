import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parseDump } from '../../src/format/dump/parse.js'
import { printDump } from '../../src/format/dump/print.js'
import { Inode, S_IFREG, directory } from '../../src/tree/inode.js'
import { goldenImages, readGolden } from './golden-images.js'

const text = (lines: Iterable<string>): string => [...lines].map((line) => `${line}\n`).join('')

describe('as cfsctl prints', () => {
  const outputs = new URL('../golden/oci/out/', import.meta.url)
  const dumps = readdirSync(outputs, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.dump'),
  )

  it.each(dumps)('%s', (name) => {
    const wanted = readFileSync(new URL(name, outputs))
    expect(text(printDump(parseDump(wanted, { flavor: 'rs' }), { flavor: 'rs' }))).toBe(
      wanted.toString('latin1'),
    )
  })

  it('has the dumps', () => expect(dumps.length).toBeGreaterThan(20))

  it('prints an object without digest with what its path says', () => {
    const root = directory()
    const file = new Inode(S_IFREG | 0o644)
    file.size = 70
    file.payload = `ab/${'0'.repeat(62)}`
    root.children?.set('f', file)
    expect([...printDump({ root }, { flavor: 'rs' })]).toEqual([
      '/ 0 40755 2 0 0 0 0.0 - - -',
      `/f 70 100644 1 0 0 0 0.0 ab/${'0'.repeat(62)} - ab${'0'.repeat(62)}`,
    ])
  })
})

describe('as composefs-info prints an image', () => {
  const cases = goldenImages().filter(
    ({ variant, infoDump }) => variant.startsWith('c:') && infoDump !== undefined,
  )

  it.each(cases)('$name, $variant', ({ input, infoDump, options }) => {
    const tree = parseDump(readGolden(input))
    const wanted = readGolden(infoDump as string)
      .toString('latin1')
      .split('\n')
      .slice(0, -1)
    const printed = [...printDump(tree, { flavor: 'c', version: options.version })]
    const differences = wanted.flatMap((line, i) => (line === printed[i] ? [] : [[line, printed[i]]]))
    expect(differences.filter(([line]) => !isMistake(line as string))).toEqual([])
    expect(printed.length).toBe(wanted.length)
  })

  it('has the dumps', () => expect(cases.length).toBeGreaterThan(40))
})

/** composefs-info 1.0.8 takes any file with the attribute of a whiteout for one. */
function isMistake(line: string): boolean {
  return line.startsWith('/inl 0 20644 1 0 0 0 1.0 -  - ')
}
