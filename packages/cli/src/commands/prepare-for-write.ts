import { existsSync, readFileSync } from 'node:fs'
import { realpath } from 'node:fs/promises'
import { BootcError, type Warning } from '@bootc-sdk/core'
import { AlreadyRun, type Cli } from '../io.js'
import type { VolumeWish } from './boot-volumes.js'
import type { SystemOptions } from './open-system.js'

/**
 * What bootc demands before it changes the running system. A sysroot elsewhere is only files: permissions
 * decide there.
 *
 * @returns what was not mounted
 * @throws BootcError `HOST_IN_CONTAINER`, `HOST_NOT_ROOT`; `AlreadyRun` after a second run in a namespace of its own
 */
export async function prepareForWrite(
  cli: Pick<Cli, 'env'>,
  options: SystemOptions,
  wish: VolumeWish = 'needed',
): Promise<readonly Warning[]> {
  if ((await realpath(options.sysroot)) !== '/') return []
  if (cli.env['container'] !== undefined || existsSync('/run/.containerenv') || existsSync('/.dockerenv')) {
    throw new BootcError(
      'HOST_IN_CONTAINER',
      'Detected container; this command requires a booted host system (or --sysroot)',
    )
  }
  if (process.geteuid?.() !== 0) {
    throw new BootcError('HOST_NOT_ROOT', 'This command must be executed as the root user')
  }
  return isImageBased() ? mounted(wish) : []
}

/** Boot volumes that a look needs, where root may mount them and nothing else has; others see what there is. */
export async function prepareForRead(
  options: SystemOptions,
  wish: VolumeWish = 'needed',
): Promise<readonly Warning[]> {
  if (process.geteuid?.() !== 0 || (await realpath(options.sysroot)) !== '/' || !isImageBased()) return []
  const { volumesToMount } = await import('./boot-volumes.js')
  return (await volumesToMount(wish)).length > 0 ? mounted(wish, false) : []
}

async function mounted(wish: VolumeWish, writable = true): Promise<readonly Warning[]> {
  const { inPrivateMounts } = await import('./private-mounts.js')
  const result = await inPrivateMounts(wish, writable)
  if ('exitCode' in result) throw new AlreadyRun(result.exitCode)
  return result.warnings
}

function isImageBased(): boolean {
  return existsSync('/run/ostree-booted') || isComposefsRoot()
}

/** The root of bootc's composefs systems is mounted from a source that says so. */
function isComposefsRoot(): boolean {
  return /^(?:\S+ ){4}\/ .* - \S+ (?:composefs:|transient:composefs=)/m.test(
    readFileSync('/proc/self/mountinfo', 'utf8'),
  )
}
