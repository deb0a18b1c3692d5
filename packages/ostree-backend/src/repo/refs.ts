import { BootcError, isBootcError, type Dir } from '@bootc-sdk/core'
import { isChecksum, parseObjectName } from '../format/checksum.js'
import { isCollectionId, isRef, isRemoteName } from '../format/names.js'
import type { Commit, RepoMode } from './api.js'
import { ioConcurrency, mapLimit } from '@bootc-sdk/core/store-kit'
import { mirrorRef, readRefFile, walkRefs } from './ref-files.js'

/**
 * Refs by name, in byte order of paths within each kind: heads, then remotes as `remote:ref`.
 *
 * @param prefix a ref, or whole components in front of one
 */
export async function listRefs(dir: Dir, prefix?: string): Promise<Map<string, string>> {
  const paths: (readonly [name: string, path: string])[] = []
  // A prefix of heads need not look at the others.
  const below = prefix !== undefined && isRef(prefix) ? prefix : ''
  const headsRoot = below === '' ? 'refs/heads' : `refs/heads/${below}`
  for await (const ref of walkRefs(dir, headsRoot)) {
    const name = below === '' ? ref : `${below}/${ref}`
    paths.push([name, `refs/heads/${name}`])
  }
  if (below !== '') paths.push([below, `refs/heads/${below}`])
  for await (const path of walkRefs(dir, 'refs/remotes')) {
    const slash = path.indexOf('/')
    if (slash > 0) paths.push([`${path.slice(0, slash)}:${path.slice(slash + 1)}`, `refs/remotes/${path}`])
  }
  const wanted = paths.filter(([name]) => prefix === undefined || hasPrefix(name, prefix))
  return readAll(dir, wanted)
}

/** Refs mirrored from collections, as `(COLLECTION, ref)`. */
export async function listMirrorRefs(dir: Dir): Promise<Map<string, string>> {
  const paths: (readonly [name: string, path: string])[] = []
  for await (const path of walkRefs(dir, 'refs/mirrors')) {
    const slash = path.indexOf('/')
    const collection = path.slice(0, slash)
    if (slash > 0 && isCollectionId(collection)) {
      paths.push([mirrorRef(collection, path.slice(slash + 1)), `refs/mirrors/${path}`])
    }
  }
  return readAll(dir, paths)
}

async function readAll(
  dir: Dir,
  paths: readonly (readonly [name: string, path: string])[],
): Promise<Map<string, string>> {
  const sorted = [...paths].sort((a, b) => Buffer.compare(Buffer.from(a[1]), Buffer.from(b[1])))
  const commits = await mapLimit(sorted, ioConcurrency, ([, path]) => readRefFile(dir, path))
  const refs = new Map<string, string>()
  sorted.forEach(([name], index) => {
    const commit = commits[index]
    if (commit !== undefined) refs.set(name, commit)
  })
  return refs
}

function hasPrefix(name: string, prefix: string): boolean {
  if (name === prefix) return true
  return name.startsWith(/[/:]$/.test(prefix) ? prefix : `${prefix}/`)
}

/** What resolving needs of a repository. */
export interface RevSource {
  readonly dir: Dir
  readonly mode: RepoMode
  readCommit(checksum: string): Promise<Commit>
}

/**
 * A commit for a revision: `REV^` (repeatable), 64 hex digits, a prefix of one stored commit, `remote:ref`,
 * or a ref looked for among heads, then as `remote/ref`, then in every remote.
 *
 * @throws BootcError `STORE_OSTREE_AMBIGUOUS_REV`
 */
export async function resolveRev(source: RevSource, rev: string): Promise<string | undefined> {
  if (rev.endsWith('^')) {
    const child = await resolveRev(source, rev.slice(0, -1))
    return child === undefined ? undefined : (await source.readCommit(child)).parent
  }
  if (isChecksum(rev)) return rev
  if (/^[0-9a-f]{1,63}$/.test(rev)) {
    const matches = await commitsWithPrefix(source, rev)
    if (matches.length > 1) {
      throw new BootcError('STORE_OSTREE_AMBIGUOUS_REV', `${rev} is a prefix of ${matches.length} commits`, {
        details: { rev, matches: matches.length },
      })
    }
    if (matches.length === 1) return matches[0]
  }
  const { dir } = source
  const colon = rev.indexOf(':')
  if (colon >= 0) {
    const [remote, ref] = [rev.slice(0, colon), rev.slice(colon + 1)]
    if (!isRemoteName(remote) || !isRef(ref)) return undefined
    return readRefFile(dir, `refs/remotes/${remote}/${ref}`)
  }
  if (!isRef(rev)) return undefined
  const head =
    (await readRefFile(dir, `refs/heads/${rev}`)) ?? (await readRefFile(dir, `refs/remotes/${rev}`))
  if (head !== undefined) return head
  for (const remote of await listNames(dir, 'refs/remotes')) {
    const found = await readRefFile(dir, `refs/remotes/${remote}/${rev}`)
    if (found !== undefined) return found
  }
  return undefined
}

async function commitsWithPrefix(source: RevSource, prefix: string): Promise<string[]> {
  const known = await listNames(source.dir, 'objects')
  const groups = known.filter((group) => group.length === 2 && group.startsWith(prefix.slice(0, 2)))
  const matches: string[] = []
  for (const group of groups) {
    for (const name of await listNames(source.dir, `objects/${group}`)) {
      const object = parseObjectName(group, name, source.mode)
      if (object?.type === 'commit' && object.checksum.startsWith(prefix)) matches.push(object.checksum)
    }
  }
  return matches
}

async function listNames(dir: Dir, path: string): Promise<string[]> {
  const names: string[] = []
  try {
    for await (const { name } of dir.list(path)) names.push(name)
  } catch (error) {
    if (!isBootcError(error, 'TREE_NOT_FOUND') && !isBootcError(error, 'TREE_NOT_DIRECTORY')) throw error
  }
  return names
}
