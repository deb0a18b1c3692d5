import { posix } from 'node:path'
import { isBootcError, type Dir } from '@bootc-sdk/core'
import { joinPath, parentPath } from '@bootc-sdk/core/names'
import { isChecksum } from '../format/checksum.js'
import { corrupt, invalid } from '../format/errors.js'
import { isCollectionId, isRef, parseRefspec } from '../format/names.js'
import { ensureDir, readFile } from './io.js'

/** More hops than this among aliases is a loop. */
const maxAliases = 16

/** How `setRef` and friends spell a ref below `refs/mirrors`; `ostree refs --collections` prints the same. */
export function mirrorRef(collection: string, ref: string): string {
  return `(${collection}, ${ref})`
}

/**
 * Where a ref lives: `ref` below `refs/heads`, `remote:ref` below `refs/remotes`, `(COLLECTION, ref)` below
 * `refs/mirrors`.
 *
 * @throws BootcError `STORE_OSTREE_INVALID`
 */
export function refPath(name: string): string {
  const mirror = /^\(([^,()]+), ([^,()]+)\)$/.exec(name)
  if (mirror !== null) {
    const [, collection, ref] = mirror
    if (!isCollectionId(collection!) || !isRef(ref!)) throw invalid(`ref ${JSON.stringify(name)}`, 'bad name')
    return `refs/mirrors/${collection}/${ref}`
  }
  const { remote, ref } = parseRefspec(name)
  return remote === undefined ? `refs/heads/${ref}` : `refs/remotes/${remote}/${ref}`
}

/**
 * Commit that the file of a ref names, following aliases (relative symbolic links).
 *
 * @returns undefined when there is no such file
 * @throws BootcError `STORE_OSTREE_CORRUPT` for other content, loops and links that leave `refs/`
 */
export async function readRefFile(dir: Dir, path: string): Promise<string | undefined> {
  let at = path
  for (let hops = 0; hops < maxAliases; hops++) {
    const stat = await dir.stat(at)
    if (stat === undefined || stat.type === 'directory') return undefined
    if (stat.type === 'symlink') {
      at = aliasTarget(at, await dir.readlink(at))
      continue
    }
    const text = (await readFile(dir, at, 4096))?.toString('latin1').trimEnd()
    if (text === undefined) return undefined
    if (!isChecksum(text)) throw corrupt(at, 'no checksum in it')
    return text
  }
  throw corrupt(path, 'aliases in a loop')
}

function aliasTarget(path: string, target: string): string {
  const parts = target.startsWith('/') ? [] : parentPath(path).split('/')
  for (const part of target.split('/')) {
    if (part === '' || part === '.') continue
    if (part === '..') parts.pop()
    else parts.push(part)
  }
  if (target.startsWith('/') || parts[0] !== 'refs') throw corrupt(path, 'alias leads out of the repository')
  return parts.join('/')
}

/** Every ref file below a directory, by path relative to it; temporary names of other programs left out. */
export async function* walkRefs(dir: Dir, root: string): AsyncGenerator<string> {
  const pending = ['']
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    try {
      for await (const { name, stat } of dir.list(joinPath(root, at))) {
        const path = at === '' ? name : `${at}/${name}`
        if (stat.type === 'directory') pending.push(path)
        else if ((stat.type === 'file' || stat.type === 'symlink') && isRef(path)) yield path
      }
    } catch (error) {
      if (!isBootcError(error, 'TREE_NOT_FOUND') && !isBootcError(error, 'TREE_NOT_DIRECTORY')) throw error
    }
  }
}

/** Refuse refs whose place is taken by a directory, or lies below another ref, before anything moves. */
export async function checkRefPlaces(dir: Dir, refs: ReadonlyMap<string, string | undefined>): Promise<void> {
  for (const [name, checksum] of refs) {
    const path = refPath(name)
    if (checksum === undefined) continue
    if ((await dir.stat(path))?.type === 'directory')
      throw invalid(`ref ${name}`, 'other refs lie below this name')
    for (let parent = parentPath(path); parent !== 'refs'; parent = parentPath(parent)) {
      const stat = await dir.stat(parent)
      if (stat === undefined) continue
      if (stat.type !== 'directory') throw invalid(`ref ${name}`, `${parent} is a ref itself`)
      break
    }
  }
}

export interface StagedRef {
  readonly path: string
  /** Undefined deletes. */
  readonly temporary: string | undefined
}

/** Write ref files under temporary names, to be synced before `placeRefs` renames them. */
export async function stageRefs(
  dir: Dir,
  staging: string,
  refs: ReadonlyMap<string, string | undefined>,
): Promise<StagedRef[]> {
  const staged: StagedRef[] = []
  for (const [name, checksum] of refs) {
    const path = refPath(name)
    if (checksum === undefined) {
      staged.push({ path, temporary: undefined })
      continue
    }
    const temporary = `${staging}/ref-${staged.length}`
    await dir.write(temporary, Buffer.from(`${checksum}\n`), { mode: 0o644, atomic: false })
    await ensureParents(dir, path)
    staged.push({ path, temporary })
  }
  return staged
}

export async function placeRefs(dir: Dir, staged: readonly StagedRef[]): Promise<void> {
  // Deletions last: renaming a ref must not leave a moment without either name.
  for (const { path, temporary } of staged) if (temporary !== undefined) await dir.rename(temporary, path)
  for (const { path, temporary } of staged) {
    if (temporary !== undefined) continue
    const stat = await dir.stat(path)
    if (stat !== undefined && stat.type !== 'directory') await dir.remove(path)
  }
}

/** Write the link of an alias under a temporary name and put it in place. Replaces a ref of this name. */
export async function writeAlias(dir: Dir, temporary: string, alias: string, target: string): Promise<void> {
  const path = refPath(alias)
  const targetPath = refPath(target)
  if ((await readRefFile(dir, targetPath)) === undefined) throw invalid(`ref ${target}`, 'does not exist')
  await checkRefPlaces(dir, new Map([[alias, '']]))
  await ensureParents(dir, path)
  await dir.symlink(posix.relative(parentPath(path), targetPath), temporary)
  await dir.rename(temporary, path)
}

async function ensureParents(dir: Dir, path: string): Promise<void> {
  const parts = path.split('/')
  for (let length = 1; length < parts.length; length++) await ensureDir(dir, parts.slice(0, length).join('/'))
}
