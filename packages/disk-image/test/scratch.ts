import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** A directory that goes when the test ends. */
export async function scratch(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'bootc-sdk-disk-test-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}
