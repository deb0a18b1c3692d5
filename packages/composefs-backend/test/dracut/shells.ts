import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

export const moduleDir = join(import.meta.dirname, '../../dracut/51bootc-sdk')

/** The shell of an initramfs of Debian without busybox (package klibc-utils). */
export const klibcShell = '/usr/lib/klibc/bin/sh'

/** Shells of real initramfs images that are on this machine; every POSIX system has the first. */
export const shells = ['sh', 'dash', 'bash', 'busybox', klibcShell].filter(
  (name) => spawnSync('which', [name]).status === 0,
)

/**
 * Run a script with the functions of parse.sh, arguments as "$1"….
 *
 * @returns what it printed and its exit status
 */
export function withParser(
  shell: string,
  script: string,
  ...args: string[]
): { out: string; status: number } {
  const applet = shell === 'busybox' ? ['sh'] : []
  const { stdout, stderr, status } = spawnSync(
    shell,
    [...applet, '-euc', `. "$0"/parse.sh\n${script}`, moduleDir, ...args],
    // A socket as standard input makes bash think that it is a remote shell, which reads start-up files.
    { encoding: 'latin1', stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, LC_ALL: 'C' } },
  )
  if (stderr !== '') throw new Error(`${shell}: ${stderr}`)
  return { out: stdout, status: status ?? -1 }
}
