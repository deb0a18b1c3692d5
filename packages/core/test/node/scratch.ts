import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** A directory of its own for one test, removed afterwards. */
export function scratch(): string {
  const path = mkdtempSync(join(tmpdir(), 'bootc-sdk-node-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}
