import { rm } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { nodeDir } from '@bootc-sdk/core/node'

/** Delete a directory with deployments in it, which are immutable where the file system can do that. */
export async function removeTree(path: string): Promise<void> {
  await nodeDir(dirname(path)).remove(basename(path))
  await rm(path, { recursive: true, force: true })
}
