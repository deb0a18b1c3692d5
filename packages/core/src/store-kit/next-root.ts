import { BootcError, isBootcError } from '../errors.js'
import type { DeploymentId, Host } from '../interfaces/index.js'

/** From where systemd takes the root in a soft reboot. */
const nextRoot = '/run/nextroot'

/**
 * Run a program where the system's own mounts are: this process may be in a mount namespace of its own, and what is
 * mounted there nobody else sees.
 *
 * @throws BootcError `DEPLOY_SOFT_REBOOT_FAILED`
 */
export async function inHostMounts(host: Host, argv: readonly string[], id?: DeploymentId): Promise<void> {
  const failed = (text: string, cause?: unknown): BootcError =>
    new BootcError('DEPLOY_SOFT_REBOOT_FAILED', `a soft reboot could not be prepared: ${text}`, {
      details: { ...(id === undefined ? {} : { deployment: id }), command: argv[0] },
      cause,
    })
  const result = await host
    .run(['nsenter', '--mount=/proc/1/ns/mnt', '--', ...argv])
    .catch((cause: unknown) => {
      if (isBootcError(cause)) throw failed(cause.message, cause)
      throw cause
    })
  if (result.code !== 0) throw failed(result.stderr.trim() || `${argv[0]} ended with code ${result.code}`)
}

/** Unmount what is prepared, if anything is. @throws BootcError `DEPLOY_SOFT_REBOOT_FAILED` */
export async function resetNextRoot(host: Host): Promise<void> {
  const script = 'if mountpoint -q "$1"; then umount -R -l "$1"; fi'
  await inHostMounts(host, ['sh', '-c', script, 'sh', nextRoot])
}
