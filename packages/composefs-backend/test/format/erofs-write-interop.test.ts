import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { parseDump } from '../../src/format/dump/parse.js'
import { printDump } from '../../src/format/dump/print.js'
import { writeErofs } from '../../src/format/erofs/write.js'
import { fileTrees, plainDump } from './random-tree.js'

/**
 * Random trees through the real tools. mkcomposefs and composefs-info 1.0.8 are in the root file system that
 * `e2e/tools.sh create` makes; COMPOSEFS_RS_MKCOMPOSEFS is a command with which cfsctl 0.7.0 runs as
 * `mkcomposefs`.
 */
const tools = process.env['E2E_TOOLS_DIR']
const usable =
  tools !== undefined && existsSync(join(tools, 'usr/bin/mkcomposefs')) && process.getuid?.() === 0
const rs = process.env['COMPOSEFS_RS_MKCOMPOSEFS']
const directory = mkdtempSync(join(tmpdir(), 'erofs-write-'))
const script = fileURLToPath(new URL('../../../../e2e/tools.sh', import.meta.url))
const numRuns = Number(process.env['FUZZ_RUNS'] ?? 40)

afterAll(() => rmSync(directory, { recursive: true }))

function run(argv: readonly string[], input: string): Buffer {
  const [command, ...args] = argv as [string, ...string[]]
  const { status, stdout, stderr } = spawnSync(command, args, {
    input: Buffer.from(input, 'latin1'),
    maxBuffer: 1 << 28,
  })
  // It cannot replace an attribute by a shorter one, as a whiteout asks for in a directory that is opaque.
  fc.pre(!stderr.includes('Numerical result out of range'))
  if (status !== 0) throw new Error(`${argv.join(' ')}: ${stderr.toString()}`)
  return stdout
}

describe.skipIf(!usable)('mkcomposefs (skipped without root or E2E_TOOLS_DIR)', () => {
  const inTools = (...argv: string[]): string[] => [script, 'run', tools as string, directory, ...argv]

  it.each([
    { min: 0, max: 1 },
    { min: 0, max: 0 },
    { min: 1, max: 1 },
  ] as const)('makes the same images, versions $min to $max', { timeout: 600_000 }, (version) => {
    const range = [`--min-version=${version.min}`, `--max-version=${version.max}`]
    fc.assert(
      fc.property(fileTrees('c'), (tree) => {
        const dump = plainDump(tree)
        const wanted = run(inTools('mkcomposefs', ...range, '--from-file', '-', '-'), dump)
        const written = writeErofs(tree, { version, algorithm: 'sha256', flavor: 'c' })
        expect(wanted.equals(written)).toBe(true)
        const parsed = parseDump(Buffer.from(dump, 'latin1'))
        expect(wanted.equals(writeErofs(parsed, { version, algorithm: 'sha256' }))).toBe(true)
      }),
      { numRuns },
    )
  })

  it('shows images as we print their trees', { timeout: 600_000 }, () => {
    const image = join(directory, 'image')
    fc.assert(
      fc.property(fileTrees('c'), (tree) => {
        // Which it takes for a whiteout, whatever has it.
        fc.pre(
          !plainDump(tree).includes(Buffer.from('overlay.whiteout').toString('hex').replace(/../g, '\\x$&')),
        )
        writeFileSync(image, writeErofs(tree, { version: { min: 0, max: 1 }, algorithm: 'sha256' }))
        const wanted = run(inTools('composefs-info', 'dump', image), '').toString('latin1')
        expect([...printDump(tree, { flavor: 'c' }), ''].join('\n')).toBe(wanted)
      }),
      { numRuns },
    )
  })
})

describe.skipIf(rs === undefined)('composefs-rs (skipped without COMPOSEFS_RS_MKCOMPOSEFS)', () => {
  it.each([0, 1] as const)('makes the same images of version %d', { timeout: 600_000 }, (version) => {
    fc.assert(
      fc.property(fileTrees('rs'), (tree) => {
        const range = [`--min-version=${version}`, `--max-version=${version}`]
        const dump = plainDump(tree, false)
        const wanted = run([...(rs as string).split(' '), ...range, '--from-file', '-', '-'], dump)
        const parsed = parseDump(Buffer.from(dump, 'latin1'), { flavor: 'rs' })
        expect(wanted.equals(writeErofs(parsed, { version, algorithm: 'sha256', flavor: 'rs' }))).toBe(true)
        expect(wanted.equals(writeErofs(tree, { version, algorithm: 'sha256', flavor: 'rs' }))).toBe(true)
      }),
      { numRuns },
    )
  })
})
