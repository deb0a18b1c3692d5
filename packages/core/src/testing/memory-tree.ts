import { parentPath } from '../names/index.js'
import { memoryDir, type MemoryDir } from './memory-dir.js'

/** A directory in memory with these files, by path; directories on the way are made. */
export async function memoryTree(
  files: Readonly<Record<string, string | Uint8Array>>,
  dir: MemoryDir = memoryDir(),
): Promise<MemoryDir> {
  for (const [path, data] of Object.entries(files)) {
    await makeParents(dir, path)
    await dir.write(path, Buffer.from(data as string))
  }
  return dir
}

/** The directories above a path, as far as they are missing. */
export async function makeParents(dir: MemoryDir, path: string): Promise<void> {
  const parent = parentPath(path)
  if (parent === '' || (await dir.stat(parent)) !== undefined) return
  await makeParents(dir, parent)
  await dir.mkdir(parent)
}
