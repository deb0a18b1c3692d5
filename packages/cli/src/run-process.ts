import { runCli } from './run-cli.js'
import { flush, outputOf } from './io.js'

/** Run the command on this process's arguments and streams, then leave with its exit code. */
export async function runProcess(): Promise<void> {
  const abort = new AbortController()
  let received: NodeJS.Signals | undefined
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    // Once: a second signal ends the process at once, for those who cannot wait.
    process.once(signal, () => {
      received = signal
      abort.abort(new Error(`interrupted by ${signal}`))
    })
  }
  const code = await runCli(process.argv.slice(2), {
    out: outputOf(process.stdout),
    err: outputOf(process.stderr),
    env: process.env,
    stdin: process.stdin,
    signal: abort.signal,
  })
  await Promise.all([flush(process.stdout), flush(process.stderr)])
  if (received !== undefined && code !== 0) {
    // Die by the signal, as shells and service managers expect of an interrupted program.
    process.removeAllListeners(received)
    process.kill(process.pid, received)
    return
  }
  // Idle registry connections would keep the process for seconds.
  process.exit(code)
}
