import { BootcError, type Dir, type ReadTree, type Stat } from '@bootc-sdk/core'
import { baseName, compareNames, joinPath, normalizePath, parentPath } from '@bootc-sdk/core/names'

const overlayName = /^(?:trusted|user)\.overlay\./

/**
 * Layers as one tree, as overlayfs would show them: no mount, no rights. Character devices stand for what is hidden.
 *
 * @param layers the uppermost first
 */
export function mergedTree(layers: readonly Dir[]): ReadTree {
  /** Layers that have a part of a directory, the uppermost first; undefined where there is none. */
  const directories = new Map<string, Promise<readonly Dir[] | undefined>>([['', Promise.resolve(layers)]])
  const partsOf = (path: string): Promise<readonly Dir[] | undefined> => {
    let parts = directories.get(path)
    if (parts === undefined) directories.set(path, (parts = findParts(path)))
    return parts
  }
  const findParts = async (path: string): Promise<readonly Dir[] | undefined> => {
    const above = await partsOf(parentPath(path))
    const found: Dir[] = []
    for (const layer of above ?? []) {
      const stat = await layer.stat(path)
      if (stat === undefined) continue
      if (stat.type !== 'directory') break
      found.push(layer)
      if (await isOpaque(layer, path)) break
    }
    return found.length === 0 ? undefined : found
  }
  const find = async (given: string): Promise<{ path: string; layer: Dir; stat: Stat } | undefined> => {
    const path = normalizePath(given)
    for (const layer of (await (path === '' ? partsOf('') : partsOf(parentPath(path)))) ?? []) {
      const stat = await layer.stat(path)
      if (stat !== undefined) return stat.type === 'char' ? undefined : { path, layer, stat }
    }
    return undefined
  }
  const get = async (path: string) => {
    const found = await find(path)
    if (found !== undefined) return found
    throw new BootcError('TREE_NOT_FOUND', `${JSON.stringify(path)} does not exist`, { details: { path } })
  }
  return {
    stat: async (path) => (await find(path))?.stat,
    async *list(given) {
      const { path, stat } = await get(given)
      if (stat.type !== 'directory') {
        throw new BootcError('TREE_NOT_DIRECTORY', `${JSON.stringify(path)} is not a directory`, {
          details: { path },
        })
      }
      const names = new Set<string>()
      for (const layer of (await partsOf(path)) ?? []) {
        for await (const { name } of layer.list(path)) names.add(name)
      }
      for (const name of [...names].sort(compareNames)) {
        const entry = await find(joinPath(path, baseName(name)))
        if (entry !== undefined) yield { name, stat: entry.stat }
      }
    },
    async *read(given, range) {
      const { path, layer } = await get(given)
      yield* layer.read(path, range)
    },
    async readlink(given) {
      const { path, layer } = await get(given)
      return layer.readlink(path)
    },
    async xattrs(given) {
      const { path, layer } = await get(given)
      return (await layer.xattrs(path)).filter(({ name }) => !overlayName.test(name))
    },
  }
}

async function isOpaque(layer: Dir, path: string): Promise<boolean> {
  const xattrs = await layer.xattrs(path)
  return xattrs.some(
    ({ name, value }) => overlayName.test(name) && name.endsWith('.opaque') && value[0] === 0x79,
  )
}
