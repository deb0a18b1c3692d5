import { formatBytes, formatRate, printable, shortDigest } from '../format.js'
import { totals, type ProgressState } from './state.js'

const barWidth = 24
/** More would scroll small terminals. */
const maxLayers = 4

/** Lines to draw for a state: one over all, one for each layer that moves. */
export function barLines(state: ProgressState, elapsedMs: number, columns: number): string[] {
  const sum = totals(state)
  const lines: string[] = []
  if (sum.count > 0 && sum.done < sum.count) {
    const rate = formatRate(sum.bytes, elapsedMs)
    const size = `${formatBytes(sum.bytes)} / ${formatBytes(sum.totalBytes)}`
    lines.push(`Fetching ${bar(sum.bytes, sum.totalBytes)} ${sum.done}/${sum.count} layers  ${size}  ${rate}`)
    const moving = [...state.layers.values()].filter((layer) => layer.bytes > 0 && !layer.done)
    for (const layer of moving.slice(0, maxLayers)) {
      const text = layer.bytes >= layer.totalBytes ? 'importing' : formatBytes(layer.totalBytes)
      lines.push(`  ${shortDigest(layer.id).padEnd(19)} ${bar(layer.bytes, layer.totalBytes)} ${text}`)
    }
  }
  if (state.step !== undefined) lines.push(`${state.step} …`)
  if (state.notice !== undefined) lines.push(printable(state.notice))
  return lines.map((line) => clip(line.trimEnd(), columns - 1))
}

function bar(bytes: number, totalBytes: number): string {
  const share = totalBytes > 0 ? Math.min(bytes / totalBytes, 1) : 0
  const full = Math.floor(share * barWidth)
  return `${'█'.repeat(full)}${'░'.repeat(barWidth - full)} ${String(Math.floor(share * 100)).padStart(3)}%`
}

/** A line that wraps would break redrawing. */
function clip(line: string, columns: number): string {
  const characters = [...line]
  return characters.length <= columns ? line : `${characters.slice(0, Math.max(columns - 1, 0)).join('')}…`
}
