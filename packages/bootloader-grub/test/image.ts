import { memoryDir, type MemoryDir } from '@bootc-sdk/core/testing'

/** A root file system with these files. */
export async function imageWith(files: Readonly<Record<string, Buffer | string>>): Promise<MemoryDir> {
  const tree = memoryDir()
  for (const [path, data] of Object.entries(files)) {
    const parts = path.split('/').slice(0, -1)
    for (let depth = 1; depth <= parts.length; depth++) {
      const parent = parts.slice(0, depth).join('/')
      if ((await tree.stat(parent)) === undefined) await tree.mkdir(parent)
    }
    await tree.write(path, Buffer.from(data))
  }
  return tree
}
