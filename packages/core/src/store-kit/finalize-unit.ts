import type { Host, Warning } from '../interfaces/index.js'

/** Ours, for every store: the package systemd puts it into images. */
const ownUnit = 'bootc-sdk-finalize-staged.service'

/**
 * Start the unit whose stop at shutdown finalizes what is staged: ours, or where the image does not have it that of
 * the store's own tools. What went wrong is a warning: the deployment is staged all the same.
 *
 * @param unit of the store's own tools
 */
export async function startFinalizeUnit(host: Host, unit: string): Promise<readonly Warning[]> {
  const failures: string[] = []
  for (const each of [ownUnit, unit]) {
    const failure = await host.run(['systemctl', 'start', each]).then(
      ({ code, stderr }) => (code === 0 ? undefined : stderr.trim() || `exit code ${code}`),
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    )
    if (failure === undefined) return []
    failures.push(`${each}: ${failure}`)
  }
  const message =
    'no unit that finalizes at shutdown could be started, so the staged deployment is finalized only by "bootc-sdk finalize-staged"'
  return [
    {
      code: 'deploy:finalize-unit',
      message: `${message}: ${failures.join('; ')}`,
      details: { units: [ownUnit, unit] },
    },
  ]
}
