import { mkdirSync, writeFileSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import { outputDir } from './tools.js'

/** A table of what machines did and how long it took; printed at the end, and kept beside their logs. */
export interface Summary {
  /** Note a step that took `seconds`. */
  add(path: string, step: string, seconds: number, note?: string): void
  /** Do a step and note how long it took, also when it fails. */
  time<T>(path: string, step: string, work: () => T | Promise<T>): Promise<T>
  /** Print the table, one line a path. */
  print(): void
}

interface Row {
  readonly path: string
  readonly steps: { readonly step: string; readonly seconds: number; readonly note: string }[]
}

export function openSummary(name: string): Summary {
  const rows = new Map<string, Row>()
  const summary: Summary = {
    add(path, step, seconds, note = '') {
      const row = rows.get(path) ?? { path, steps: [] }
      rows.set(path, row)
      row.steps.push({ step, seconds, note })
    },
    async time(path, step, work) {
      const start = performance.now()
      const since = () => (performance.now() - start) / 1000
      try {
        const result = await work()
        summary.add(path, step, since())
        return result
      } catch (error) {
        summary.add(path, step, since(), 'FAILED')
        throw error
      }
    },
    print() {
      if (rows.size === 0) return
      const text = table([...rows.values()])
      mkdirSync(outputDir(name), { recursive: true })
      writeFileSync(outputDir(name, 'summary.txt'), text)
      console.log(`${name}, seconds:\n${text}`)
    },
  }
  return summary
}

function table(rows: readonly Row[]): string {
  const lines = rows.map(({ path, steps }) => [
    path,
    ...steps.map(
      ({ step, seconds, note }) => `${step} ${seconds.toFixed(0)}${note === '' ? '' : ` (${note})`}`,
    ),
    `total ${steps.reduce((sum, { seconds }) => sum + seconds, 0).toFixed(0)}`,
  ])
  const widths: number[] = []
  for (const line of lines) line.forEach((cell, n) => (widths[n] = Math.max(widths[n] ?? 0, cell.length)))
  return lines
    .map(
      (line) =>
        `${line
          .map((cell, n) => cell.padEnd(widths[n]!))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('')
}
