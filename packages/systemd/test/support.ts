import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { onTestFinished } from 'vitest'

/** The shipped files, by their paths in an image. */
export const shipped = join(import.meta.dirname, '../files')

/** Content of a file; null for a directory; a link as `-> TARGET`. */
export type Tree = Readonly<Record<string, string | null>>

/** A root directory with these entries; removed after the test. */
export function fakeRoot(tree: Tree): string {
  const root = mkdtempSync(join(tmpdir(), 'bootc-sdk-systemd-'))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  for (const [path, content] of Object.entries(tree)) {
    const full = join(root, path)
    mkdirSync(content === null ? full : dirname(full), { recursive: true })
    if (content?.startsWith('-> ')) symlinkSync(content.slice(3), full)
    else if (content !== null) writeFileSync(full, content)
  }
  return root
}

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Run a script by the POSIX shell: a shipped one, or with an absolute path. */
export function script(path: string, args: readonly string[], env: Record<string, string> = {}): Ended {
  const { status, stdout, stderr } = spawnSync('sh', [resolve(shipped, path), ...args], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'] ?? '', ...env },
  })
  return { code: status, stdout, stderr }
}

/** Why a test that needs a program is left out; with CI set nothing may be missing. */
export function missing(...programs: string[]): string | undefined {
  const absent = programs.filter((name) => spawnSync('which', [name]).status !== 0)
  if (absent.length > 0 && process.env['CI']) throw new Error(`not installed: ${absent.join(', ')}`)
  return absent.length > 0 ? `no ${absent.join(', ')}` : undefined
}
