import { posix } from 'node:path'
import type { Dir, OpOptions, ReadTree } from '@bootc-sdk/core'
import { normalizePath, parentPath } from '@bootc-sdk/core/names'
import { copyTree } from './copy-tree.js'
import { ensureDirs } from './ensure-dirs.js'
import { varPath } from './layout.js'

/** Filled here, then renamed, so that a /var is never half seeded. */
const temporary = `${parentPath(varPath)}/.bootc-sdk-var.tmp`

/**
 * Make the shared /var, filled from the image of the first deployment, and never touched again. A system that
 * comes from another store goes on with the one it has.
 *
 * @param varFrom that one, below the physical root
 */
export async function seedVar(
  root: Dir,
  image: ReadTree,
  varFrom: string | undefined,
  options: OpOptions,
): Promise<void> {
  await ensureDirs(root, parentPath(varPath))
  await root.remove(temporary)
  const found = await root.stat(varPath)
  if (found !== undefined && !(found.type === 'directory' && (await isEmpty(root, varPath)))) return
  if (varFrom !== undefined) {
    if (found !== undefined) await root.remove(varPath)
    await root.symlink(posix.relative(parentPath(varPath), varFrom), varPath)
    return
  }
  await root.mkdir(temporary, { mode: 0o755 })
  await copyTree(image, 'var', root, temporary, options)
  await root.sync()
  await root.rename(temporary, varPath)
}

/** Where the shared /var is: its own place, or what a link there leads to. */
export async function varDirectory(root: Dir): Promise<string> {
  if ((await root.stat(varPath))?.type !== 'symlink') return varPath
  // Refuses what leads out of the root.
  return normalizePath(posix.join(parentPath(varPath), await root.readlink(varPath)))
}

export async function removeTemporaryVar(root: Dir): Promise<void> {
  if ((await root.stat(parentPath(varPath)))?.type === 'directory') await root.remove(temporary)
}

async function isEmpty(root: Dir, path: string): Promise<boolean> {
  for await (const _ of root.list(path)) return false
  return true
}
