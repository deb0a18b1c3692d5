import { execFile, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'
import { expect } from 'vitest'

const run = promisify(execFile)

/** Undefined when it is there; else why tests that need it are skipped. */
export const noOstree: string | undefined =
  spawnSync('ostree', ['--version']).status === 0 ? undefined : 'the ostree command is not installed'

export const isRoot = process.getuid?.() === 0

/** In CI the tool must be there: a skip nobody sees is no test. */
export function expectOstreeInCi(): void {
  if (process.env.CI !== undefined && process.env.CI !== '') expect(noOstree).toBeUndefined()
}

/** Run the real tool; rejects on a non-zero exit with its messages. */
export async function ostree(repo: string, ...args: string[]): Promise<string> {
  const { stdout } = await run('ostree', [`--repo=${repo}`, ...args], {
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, TZ: 'UTC', LC_ALL: 'C.UTF-8' },
  })
  return stdout
}
