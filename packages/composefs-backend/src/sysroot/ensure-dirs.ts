import type { Dir } from '@bootc-sdk/core'

/** Make a directory and those above it, where they are missing. */
export async function ensureDirs(dir: Dir, path: string): Promise<void> {
  const parts = path.split('/')
  for (let depth = 1; depth <= parts.length; depth++) {
    const parent = parts.slice(0, depth).join('/')
    if ((await dir.stat(parent)) === undefined) await dir.mkdir(parent, { mode: 0o755 })
  }
}
