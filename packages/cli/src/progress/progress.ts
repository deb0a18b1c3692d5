import { performance } from 'node:perf_hooks'
import type { ProgressEvent } from '@bootc-sdk/core'
import type { Cli } from '../io.js'
import { formatBytes, formatDuration, formatRate } from '../format.js'
import { barLines } from './bars.js'
import { plainLine } from './plain.js'
import { advance, emptyState, totals, type ProgressState } from './state.js'

/** Progress of one operation: events in, bars or lines on stderr, results in between on stdout. */
export interface Progress {
  readonly onEvent: (event: ProgressEvent) => void
  /** A line of results on stdout, above the bars. */
  print(line: string): Promise<void>
  /** Take the bars away; afterwards `print` goes on working. */
  finish(): Promise<void>
}

export interface ProgressSettings {
  readonly quiet?: boolean | undefined
  /** Also receives every event (`--progress-fd`). */
  readonly also?: ((event: ProgressEvent) => void) | undefined
  /** Print what is there and what is missing, on stdout, as bootc does; off for `--json`. */
  readonly summary?: boolean | undefined
}

/** Redraws a second at most. */
const redrawMs = 100

export function startProgress(cli: Cli, settings: ProgressSettings): Progress {
  let state: ProgressState = emptyState
  let startedMs: number | undefined
  let drawn = 0
  let lastDrawMs = -Infinity
  let fetched = false
  const bars = cli.err.isTerminal && settings.quiet !== true && cli.env['TERM'] !== 'dumb'

  const erase = (): string => (drawn === 0 ? '' : `\u001b[${drawn}A\r\u001b[J`)
  const draw = (force: boolean): void => {
    const now = performance.now()
    if (!bars || (!force && now - lastDrawMs < redrawMs)) return
    lastDrawMs = now
    const lines = barLines(state, startedMs === undefined ? 0 : now - startedMs, cli.err.columns)
    void cli.err.write(erase() + lines.map((line) => `${line}\n`).join(''))
    drawn = lines.length
  }
  const clear = (): void => {
    if (drawn > 0) void cli.err.write(erase())
    drawn = 0
  }
  const say = (line: string): void => {
    clear()
    void cli.out.write(`${line}\n`)
  }

  const onEvent = (event: ProgressEvent): void => {
    settings.also?.(event)
    const before = state
    state = advance(state, event)
    if (event.type === 'pull:resolved') {
      startedMs = performance.now()
      if (settings.summary === true) {
        const { count, totalBytes } = totals(state)
        const size = count === 0 ? '' : ` (${formatBytes(totalBytes)})`
        say(`layers already present: ${state.cached.count}; layers needed: ${count}${size}`)
      }
    }
    if (event.type === 'import:merge' && settings.summary === true && !fetched) {
      fetched = true
      const { bytes, count } = totals(state)
      const elapsedMs = performance.now() - (startedMs ?? performance.now())
      if (count > 0) {
        const rate = formatRate(bytes, elapsedMs)
        say(
          `Fetched layers: ${formatBytes(bytes)} in ${formatDuration(elapsedMs)}${rate === '' ? '' : ` (${rate})`}`,
        )
      }
    }
    if (bars) {
      draw(event.type !== 'pull:layer' && event.type !== 'deploy:checkout')
    } else if (settings.quiet !== true) {
      const line = plainLine(event, before)
      if (line !== undefined) void cli.err.write(`${line}\n`)
    }
  }

  return {
    onEvent,
    async print(line) {
      clear()
      await cli.out.write(`${line}\n`)
      draw(true)
    },
    finish() {
      clear()
      state = emptyState
      return Promise.resolve()
    },
  }
}
