import type { OpOptions, Sysroot, Warning } from '../interfaces/index.js'

const command = [
  'systemd-run',
  '--quiet',
  '--',
  'systemctl',
  'reboot',
  '--message=Initiated by bootc',
] as const

/** Said outright, because systemctl of systemd 254 does not yet make one of `reboot`. */
const softCommand = ['systemd-run', '--quiet', '--', 'systemctl', 'soft-reboot'] as const

/**
 * Ask the running system to reboot, as bootc does. What was staged stays staged when that fails, so the
 * failure is a warning for the caller.
 */
export async function requestReboot(
  sysroot: Sysroot,
  options: OpOptions,
  kind: 'soft' | 'full' = 'full',
): Promise<{ rebootRequested: boolean; warnings: Warning[] }> {
  const failed = (message: string) => ({
    rebootRequested: false,
    warnings: [{ code: 'reboot:failed', message }],
  })
  if (!sysroot.live) return failed('this sysroot is not running, so there is nothing to reboot')
  const signal = options.signal === undefined ? {} : { signal: options.signal }
  try {
    const { code, stderr } = await sysroot.host.run(kind === 'soft' ? softCommand : command, signal)
    if (code === 0) return { rebootRequested: true, warnings: [] }
    return failed(`reboot was refused (exit code ${code}): ${stderr.trim()}`)
  } catch (error) {
    return failed(`reboot could not be requested: ${error instanceof Error ? error.message : String(error)}`)
  }
}
