import type { LayerTar, OpOptions } from '@bootc-sdk/core'
import { createTarParser, type TarHandler } from '@bootc-sdk/core/tar'
import type { ContentWriter } from '../repo/api.js'

export interface PumpOptions extends OpOptions {
  /** For progress: the layer. */
  readonly id: string
  /** Entries taken so far. */
  readonly entries: () => number
  /** Between chunks. */
  readonly flush?: () => Promise<void>
}

const progressIntervalMs = 100

/**
 * Drive a handler with a whole layer. The parser runs synchronously over each chunk; waiting happens between
 * chunks only. Bytes after the end marker are read, so that whoever checks digests sees all of them.
 */
export async function pumpLayer(
  tar: LayerTar,
  handler: TarHandler,
  content: ContentWriter,
  options: PumpOptions,
): Promise<void> {
  const parser = createTarParser(handler, { paxGlobal: 'refuse' })
  let reported = Date.now()
  const afterChunk = async (): Promise<void> => {
    if (content.full) await content.drain()
    await options.flush?.()
    options.signal?.throwIfAborted()
    const now = Date.now()
    if (now - reported < progressIntervalMs) return
    reported = now
    report(options, false)
  }
  if (tar.leases === undefined) {
    for await (const chunk of tar) {
      parser.push(chunk)
      await afterChunk()
    }
  } else {
    for await (const lease of tar.leases()) {
      try {
        parser.push(lease.data)
      } finally {
        lease.release()
      }
      await afterChunk()
    }
  }
  parser.end()
  report(options, true)
}

function report({ onProgress, id, entries }: PumpOptions, done: boolean): void {
  onProgress?.({ type: 'import:layer', detail: { id, entries: entries(), done } })
}
