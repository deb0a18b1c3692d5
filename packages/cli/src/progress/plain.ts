import type { ProgressEvent } from '@bootc-sdk/core'
import { formatBytes, printable, shortDigest } from '../format.js'
import type { ProgressState } from './state.js'

/** For logs: a line when something ends or has to be known, none in between. */
export function plainLine(event: ProgressEvent, before: ProgressState): string | undefined {
  switch (event.type) {
    case 'import:layer': {
      if (!event.detail.done) return undefined
      const layer = before.layers.get(event.detail.id)
      const size = layer === undefined ? '' : ` (${formatBytes(layer.totalBytes)})`
      return `imported ${shortDigest(event.detail.id)}${size}, ${event.detail.entries} entries`
    }
    case 'pull:retry': {
      const { id, attempt, waitMs, reason } = event.detail
      return printable(`retry ${attempt} of ${shortDigest(id)} in ${(waitMs / 1000).toFixed(1)} s: ${reason}`)
    }
    case 'pull:resumed': {
      const { id, keptBytes, totalBytes } = event.detail
      return `resuming ${shortDigest(id)} at ${formatBytes(keptBytes)} of ${formatBytes(totalBytes)}`
    }
    case 'pull:partial': {
      const { id, fetchBytes, totalBytes, reason } = event.detail
      const layer = shortDigest(id)
      return printable(
        reason === undefined
          ? `fetching ${formatBytes(fetchBytes)} of ${formatBytes(totalBytes)} of ${layer}`
          : `fetching ${layer} whole: ${reason}`,
      )
    }
    case 'import:merge':
      // Core and the store may both say so.
      return event.detail.done && before.step !== undefined ? 'merged layers' : undefined
    case 'lock:waiting':
      return printable(`waiting for the lock of ${event.detail.path}`)
    case 'deploy:checkout':
      return event.detail.total > 0 && event.detail.done >= event.detail.total
        ? `checked out ${event.detail.total} files`
        : undefined
    case 'deploy:etc-merge': {
      const { modified, removed, added } = event.detail
      return `merged /etc: ${modified} modified, ${removed} removed, ${added} added`
    }
    case 'pull:resolved':
    case 'pull:layer':
    case 'boot:copy':
    case 'stage:step':
    case 'prune:done':
      return undefined
  }
}
