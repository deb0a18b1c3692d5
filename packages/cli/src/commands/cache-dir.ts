import { join } from 'node:path'

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Where this command keeps what it can do without: systemd's `CACHE_DIRECTORY` when that is set, else
 * `/var/cache/bootc-sdk`, without root the user's cache.
 */
function cacheDir(env: Environment, isRoot: boolean): string {
  return env['CACHE_DIRECTORY']?.split(':')[0] || (isRoot ? '/var/cache/bootc-sdk' : ofUser(env))
}

/** Beginnings of layers whose download broke off. */
export function partialBlobsDir(env: Environment, isRoot: boolean = process.geteuid?.() === 0): string {
  return join(cacheDir(env, isRoot), 'partial-blobs')
}

/** Compiled modules of this command. It runs as root: nobody else may write here. */
export function compiledDir(env: Environment, isRoot: boolean = process.geteuid?.() === 0): string {
  return join(cacheDir(env, isRoot), 'compiled')
}

/** @see XDG Base Directory Specification: relative paths are to be ignored */
function ofUser(env: Environment): string {
  const cache = env['XDG_CACHE_HOME']
  const base = cache?.startsWith('/') ? cache : join(env['HOME'] || '/', '.cache')
  return join(base, 'bootc-sdk')
}
