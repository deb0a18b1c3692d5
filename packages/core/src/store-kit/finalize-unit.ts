import type { Host, Warning } from '../interfaces/index.js'

/**
 * Start the unit of a store's own tools, whose stop at shutdown finalizes what is staged. What went wrong is a
 * warning: the deployment is staged all the same.
 */
export async function startFinalizeUnit(host: Host, unit: string): Promise<readonly Warning[]> {
  const failure = await host.run(['systemctl', 'start', unit]).then(
    ({ code, stderr }) => (code === 0 ? undefined : stderr.trim() || `exit code ${code}`),
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  )
  if (failure === undefined) return []
  const message = `${unit} could not be started, so the staged deployment is finalized only by "bootc-sdk finalize-staged"`
  return [{ code: 'deploy:finalize-unit', message: `${message}: ${failure}`, details: { unit } }]
}
