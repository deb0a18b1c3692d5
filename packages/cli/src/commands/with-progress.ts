import type { ProgressEvent } from '@bootc-sdk/core'
import { toProgressJsonl } from '@bootc-sdk/core/host-api'
import type { Cli } from '../io.js'
import { startProgress, type Progress } from '../progress/progress.js'

export interface ProgressOptions {
  readonly quiet?: boolean
  readonly progressFd?: number
}

/** Run an operation with bars, lines and `--progress-fd` as asked, and put them away however it ends. */
export async function withProgress<T>(
  cli: Cli,
  options: ProgressOptions,
  summary: boolean,
  run: (
    progress: Progress,
    operation: { signal: AbortSignal; onProgress: (event: ProgressEvent) => void },
  ) => Promise<T>,
): Promise<T> {
  const pipe = options.progressFd === undefined ? undefined : await openPipe(cli, options.progressFd)
  const progress = startProgress(cli, { quiet: options.quiet, summary, also: pipe?.onEvent })
  try {
    return await run(progress, { signal: cli.signal, onProgress: progress.onEvent })
  } finally {
    await progress.finish()
    await pipe?.finish()
  }
}

async function openPipe(
  cli: Cli,
  fd: number,
): Promise<{ onEvent: (event: ProgressEvent) => void; finish: () => Promise<void> }> {
  const { progressFd } = await import('../progress/progress-fd.js')
  return progressFd(cli, fd, toProgressJsonl())
}
