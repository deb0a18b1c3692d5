import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { BootcError, type Warning } from '@bootc-sdk/core'
import { mountVolumes, volumesToMount, type VolumeWish } from './boot-volumes.js'
import { runAgain } from './run-again.js'

/** Set in the second run, so that there is no third. */
const marker = 'BOOTC_SDK_UNSHARED'

/** What a second run in a namespace came to, or what was done in this one. */
export type PrivateMounts = { readonly exitCode: number } | { readonly warnings: readonly Warning[] }

/**
 * A booted system has /sysroot (and maybe /boot) mounted read-only, and boot volumes may not be mounted at all. Run
 * the command once more in a mount namespace of its own and make them writable there, so that nobody else sees it.
 *
 * @param writable false: only mount what is not
 * @throws BootcError `HOST_NO_PROGRAM`, `SYSROOT_READ_ONLY`, `SYSROOT_BOOT_VOLUME`
 */
export async function inPrivateMounts(wish: VolumeWish, writable = true): Promise<PrivateMounts> {
  const mountinfo = readFileSync('/proc/self/mountinfo', 'utf8')
  const readOnly = writable ? readOnlyMounts(mountinfo, ['/sysroot', '/boot', ...espPoints]) : []
  const volumes = await volumesToMount(wish)
  if (readOnly.length === 0 && volumes.length === 0) return { warnings: [] }
  if (process.env[marker] === undefined) {
    for (const path of automounts(mountinfo, ['/boot', ...espPoints])) mountNow(path)
    return { exitCode: await runAgain(['unshare', '--mount', '--', process.execPath], marker) }
  }
  const warnings = mountVolumes(volumes, wish)
  for (const path of readOnly) {
    const { status, stderr } = spawnSync('mount', ['-o', 'remount,rw', path], { encoding: 'utf8' })
    if (status === 0) continue
    const message = `${path} cannot be made writable: ${stderr.trim()}`
    // Of several ESPs one may be write-protected; the loader tells when it is one that it needs.
    if (espPoints.includes(path)) warnings.push({ code: 'boot:volume-read-only', message, details: { path } })
    else throw new BootcError('SYSROOT_READ_ONLY', message, { details: { path } })
  }
  return { warnings }
}

const espPoints = ['/efi', '/boot/efi']

/**
 * Of these mount points the ones whose topmost mount is read-only.
 *
 * @param mountinfo proc(5), /proc/PID/mountinfo
 */
export function readOnlyMounts(mountinfo: string, paths: readonly string[]): string[] {
  const mounts = topmostMounts(mountinfo)
  return paths.filter((path) => mounts.get(path)?.options.split(',').includes('ro'))
}

/** Of these mount points the ones that systemd mounts at their first use, and has not yet. */
export function automounts(mountinfo: string, paths: readonly string[]): string[] {
  const mounts = topmostMounts(mountinfo)
  return paths.filter((path) => mounts.get(path)?.type === 'autofs')
}

function topmostMounts(mountinfo: string): ReadonlyMap<string, { options: string; type: string }> {
  const mounts = new Map<string, { options: string; type: string }>()
  // Later lines lie on top of earlier ones.
  for (const line of mountinfo.split('\n')) {
    const [left = '', right = ''] = line.split(' - ')
    const [, , , , point, options] = left.split(' ')
    const [type = ''] = right.split(' ')
    if (point !== undefined && options !== undefined) mounts.set(point, { options, type })
  }
  return mounts
}

/** In a mount namespace of its own a process cannot have something mounted any more: it gets ELOOP. */
function mountNow(path: string): void {
  try {
    readdirSync(path)
  } catch {
    // What needs it will say so.
  }
}
