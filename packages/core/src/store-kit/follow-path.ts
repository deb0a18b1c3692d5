import type { ReadTree } from '../interfaces/index.js'

/**
 * Resolve a path as the kernel does below a mount point: every link is followed, absolute targets start at
 * the root of the tree, `..` stops there.
 *
 * @returns path without links, or undefined when something on the way is missing
 */
export async function followPath(
  tree: Pick<ReadTree, 'stat' | 'readlink'>,
  path: string,
): Promise<string | undefined> {
  let todo = path.split('/')
  let done: string[] = []
  for (let links = 0; todo.length > 0;) {
    const name = todo.shift()!
    if (name === '' || name === '.') continue
    if (name === '..') {
      done.pop()
      continue
    }
    const here = [...done, name].join('/')
    const stat = await tree.stat(here)
    if (stat === undefined) return undefined
    if (stat.type !== 'symlink') {
      done.push(name)
      continue
    }
    if (++links > 40) return undefined
    const target = await tree.readlink(here)
    if (target.startsWith('/')) done = []
    todo = [...target.split('/'), ...todo]
  }
  return done.join('/')
}
