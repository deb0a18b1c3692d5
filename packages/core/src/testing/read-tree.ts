import { createHash } from 'node:crypto'
import type { ReadTree } from '../interfaces/index.js'
import { joinPath } from '../names/index.js'

/** A whole file. */
export async function readAll(tree: Pick<ReadTree, 'read'>, path: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of tree.read(path)) chunks.push(chunk)
  return new Uint8Array(Buffer.concat(chunks))
}

/** A whole text file; undefined when absent. */
export async function readText(
  tree: Pick<ReadTree, 'read' | 'stat'>,
  path: string,
): Promise<string | undefined> {
  if ((await tree.stat(path))?.type !== 'file') return undefined
  return Buffer.from(await readAll(tree, path)).toString('utf8')
}

/** Paths of what is below a directory and no directory itself, in the order of the tree. */
export async function filePaths(tree: Pick<ReadTree, 'list'>, directory = ''): Promise<string[]> {
  const found: string[] = []
  for await (const { name, stat } of tree.list(directory)) {
    const path = joinPath(directory, name)
    if (stat.type === 'directory') found.push(...(await filePaths(tree, path)))
    else found.push(path)
  }
  return found
}

/**
 * A tree in words, for comparisons in tests: one line an entry with path, type, mode, owner, and content or
 * target. Files of more than 60 bytes, or not plain text, are shown by their size and the start of their SHA-256.
 */
export async function describeTree(tree: ReadTree, path = ''): Promise<string[]> {
  const lines: string[] = []
  const visit = async (directory: string): Promise<void> => {
    for await (const { name, stat } of tree.list(directory)) {
      const full = joinPath(directory, name)
      const owner = `${stat.uid}:${stat.gid}`
      const mode = stat.mode.toString(8).padStart(4, '0')
      const start = `${full} ${stat.type} ${mode} ${owner}`
      if (stat.type === 'symlink') lines.push(`${full} -> ${await tree.readlink(full)}`)
      else if (stat.type === 'file') lines.push(`${start} ${shown(await readAll(tree, full))}`)
      else lines.push(start)
      if (stat.type === 'directory') await visit(full)
    }
  }
  await visit(path)
  return lines
}

function shown(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString('utf8')
  if (bytes.length <= 60 && !text.includes('\ufffd')) return JSON.stringify(text)
  const hash = createHash('sha256').update(bytes).digest('hex')
  return `${bytes.length} bytes ${hash.slice(0, 16)}`
}
