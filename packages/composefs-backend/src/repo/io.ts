import { BootcError, isBootcError, type Bytes, type Dir, type ReadTree } from '@bootc-sdk/core'

/** Whole content of a file; undefined when there is none or it is larger than `maxBytes`. */
export async function readFile(
  tree: Pick<ReadTree, 'read'>,
  path: string,
  maxBytes: number,
): Promise<Buffer | 'missing' | 'too-large'> {
  try {
    return (await collect(tree.read(path), maxBytes)) ?? 'too-large'
  } catch (error) {
    if (isAbsent(error)) return 'missing'
    throw error
  }
}

/** @returns undefined beyond `maxBytes` */
export async function collect(source: Bytes, maxBytes: number): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of source) {
    length += chunk.length
    if (length > maxBytes) return undefined
    chunks.push(chunk)
  }
  const [only] = chunks
  if (chunks.length === 1) return Buffer.from(only!.buffer, only!.byteOffset, only!.length)
  return Buffer.concat(chunks, length)
}

/** Make a directory unless it is there; mode as composefs-rs gives. */
export async function ensureDir(dir: Pick<Dir, 'mkdir'>, path: string): Promise<void> {
  try {
    await dir.mkdir(path, { mode: 0o755 })
  } catch (error) {
    if (!isBootcError(error, 'TREE_EXISTS')) throw error
  }
}

/** Names in a directory; none when it is missing or no directory. */
export async function listNames(dir: Pick<Dir, 'list'>, path: string): Promise<string[]> {
  const names: string[] = []
  try {
    for await (const { name } of dir.list(path)) names.push(name)
  } catch (error) {
    if (!isAbsent(error) && !isBootcError(error, 'TREE_ESCAPE')) throw error
  }
  return names
}

export function isAbsent(error: unknown): boolean {
  return isBootcError(error, 'TREE_NOT_FOUND') || isBootcError(error, 'TREE_NOT_DIRECTORY')
}

export function messageOf(error: unknown): string {
  return error instanceof BootcError || error instanceof Error ? error.message : String(error)
}
