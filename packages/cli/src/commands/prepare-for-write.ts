import { existsSync, readFileSync } from 'node:fs'
import { realpath } from 'node:fs/promises'
import { BootcError } from '@bootc-sdk/core'
import { AlreadyRun } from '../io.js'
import type { SystemOptions } from './open-system.js'

/**
 * What bootc demands before it changes the running system. A sysroot elsewhere is only files: permissions
 * decide there.
 *
 * @throws BootcError `HOST_IN_CONTAINER`, `HOST_NOT_ROOT`; `AlreadyRun` after a second run in a namespace of its own
 */
export async function prepareForWrite(options: SystemOptions): Promise<void> {
  if ((await realpath(options.sysroot)) !== '/') return
  if (
    process.env['container'] !== undefined ||
    existsSync('/run/.containerenv') ||
    existsSync('/.dockerenv')
  ) {
    throw new BootcError(
      'HOST_IN_CONTAINER',
      'Detected container; this command requires a booted host system (or --sysroot)',
    )
  }
  if (process.geteuid?.() !== 0) {
    throw new BootcError('HOST_NOT_ROOT', 'This command must be executed as the root user')
  }
  if (!existsSync('/run/ostree-booted') && !isComposefsRoot()) return
  const { inPrivateMounts } = await import('./private-mounts.js')
  const code = await inPrivateMounts()
  if (code !== undefined) throw new AlreadyRun(code)
}

/** The root of bootc's composefs systems is mounted from a source that says so. */
function isComposefsRoot(): boolean {
  return /^(?:\S+ ){4}\/ .* - \S+ (?:composefs:|transient:composefs=)/m.test(
    readFileSync('/proc/self/mountinfo', 'utf8'),
  )
}
