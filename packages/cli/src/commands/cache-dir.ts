import { join } from 'node:path'

/**
 * Where beginnings of layers are kept whose download broke off: below systemd's `CACHE_DIRECTORY` when that is set, else
 * `/var/cache/bootc-sdk`, without root the user's cache.
 */
export function partialBlobsDir(
  env: Readonly<Record<string, string | undefined>>,
  isRoot: boolean = process.geteuid?.() === 0,
): string {
  const given = env['CACHE_DIRECTORY']?.split(':')[0]
  return join(given || (isRoot ? '/var/cache/bootc-sdk' : ofUser(env)), 'partial-blobs')
}

/** @see XDG Base Directory Specification: relative paths are to be ignored */
function ofUser(env: Readonly<Record<string, string | undefined>>): string {
  const cache = env['XDG_CACHE_HOME']
  const base = cache?.startsWith('/') ? cache : join(env['HOME'] || '/', '.cache')
  return join(base, 'bootc-sdk')
}
