import { maxPathBytes } from '../names/index.js'
import { nodeAt, type DirectoryNode, type FileNode } from './nodes.js'

const maxLinks = 40

/**
 * The path that a package database means: `/bin/sh` is `usr/bin/sh` where /bin is a link. The last component is not
 * followed.
 *
 * @returns undefined when it is longer than any path, a parent is not there, or links lead in a circle or out of the root
 */
export function resolvePath(
  root: DirectoryNode,
  path: string,
  cache?: Map<string, string>,
): string | undefined {
  // Databases put paths together of parts: a small one may name millions of bytes millions of times.
  if (path.length > maxPathBytes) return undefined
  const clean = path.replace(/^\/+|\/+$/g, '')
  const slash = clean.lastIndexOf('/')
  if (slash < 0) return clean === '' || clean === '.' || clean === '..' ? undefined : clean
  const parent = clean.slice(0, slash)
  const found = cache?.get(parent) ?? resolveDirectory(root, parent)
  if (found === undefined) return undefined
  cache?.set(parent, found)
  const name = clean.slice(slash + 1)
  return found === '' ? name : `${found}/${name}`
}

/** A directory's path without links. */
function resolveDirectory(root: DirectoryNode, path: string): string | undefined {
  const todo = path.split('/').reverse()
  const done: string[] = []
  let at: DirectoryNode = root
  for (let links = 0; todo.length > 0;) {
    const part = todo.pop()!
    if (part === '' || part === '.') continue
    if (part === '..') {
      done.pop()
      at = nodeAt(root, done.join('/')) as DirectoryNode
      continue
    }
    const next: DirectoryNode | FileNode | undefined = at.children.get(part)?.node
    if (next?.kind === 'directory') {
      done.push(part)
      at = next
    } else if (next?.kind === 'symlink' && ++links <= maxLinks) {
      todo.push(...next.linkName.split('/').reverse())
      if (next.linkName.startsWith('/')) {
        done.length = 0
        at = root
      }
    } else return undefined
  }
  return done.join('/')
}
