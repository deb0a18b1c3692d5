import type { Dir, Meta } from '../interfaces/index.js'

/** Attributes for a new file: on FAT they come from the mount, and asking for others fails. */
export function attributes(dir: Dir, mode: number): Meta {
  return dir.supports.symlink ? { mode } : {}
}

/** Make a directory and those above it. */
export async function makeDirs(dir: Dir, path: string): Promise<void> {
  const parts = path.split('/')
  for (let depth = 1; depth <= parts.length; depth++) {
    const parent = parts.slice(0, depth).join('/')
    if ((await dir.stat(parent)) === undefined) await dir.mkdir(parent, attributes(dir, 0o755))
  }
}

/** False also where something else is on the way. */
export async function isDirectory(dir: Pick<Dir, 'stat'>, path: string): Promise<boolean> {
  for (let at = path.indexOf('/'); at > 0; at = path.indexOf('/', at + 1)) {
    if ((await dir.stat(path.slice(0, at)))?.type !== 'directory') return false
  }
  return (await dir.stat(path))?.type === 'directory'
}

export async function readAll(dir: Pick<Dir, 'read'>, path: string): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of dir.read(path)) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** `path` starts at the root of the volume, as in entries. */
export function inVolume(path: string): string {
  return path.replace(/^\/+/, '').replaceAll(/\/{2,}/g, '/')
}
