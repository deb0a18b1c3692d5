import type { Host, Warning } from '@bootc-sdk/core'

const unit = 'bootc-finalize-staged.service'

/**
 * Start bootc's unit, whose stop at shutdown finalizes what is staged.
 *
 * @see bootc 1.16.9 crates/lib/src/bootc_composefs/service.rs
 */
export async function startFinalizeUnit(host: Host): Promise<readonly Warning[]> {
  const failure = await host.run(['systemctl', 'start', unit]).then(
    ({ code, stderr }) => (code === 0 ? undefined : stderr.trim() || `exit code ${code}`),
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  )
  if (failure === undefined) return []
  const message = `${unit} could not be started, so the staged deployment is finalized only by "bootc-sdk finalize-staged"`
  return [{ code: 'deploy:finalize-unit', message: `${message}: ${failure}`, details: { unit } }]
}
