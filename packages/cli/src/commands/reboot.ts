import type { Cli } from '../io.js'

/**
 * After a reboot was requested: stay until the system ends us, so that nothing the caller planned to do next
 * runs on a system that is going down.
 */
export async function waitForReboot(cli: Cli, requested: boolean): Promise<void> {
  if (!requested) return
  await cli.out.write('Rebooting system\n')
  await new Promise<void>((resolve) => {
    const alive = setInterval(() => undefined, 60_000)
    const stop = (): void => {
      clearInterval(alive)
      resolve()
    }
    if (cli.signal.aborted) stop()
    else cli.signal.addEventListener('abort', stop, { once: true })
  })
}
