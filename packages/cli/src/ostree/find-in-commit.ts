import type { OstreeRepo } from '@bootc-sdk/ostree-backend'

export type Found =
  | { readonly kind: 'file'; readonly path: string; readonly checksum: string }
  | { readonly kind: 'directory'; readonly path: string; readonly tree: string; readonly meta: string }

/** Walk to a path of a commit; symbolic links are not followed. `/` and a missing leading slash mean the same. */
export async function findInCommit(
  repo: OstreeRepo,
  commit: string,
  path: string,
): Promise<Found | undefined> {
  const { rootTree, rootMeta } = await repo.readCommit(commit)
  const names = path.split('/').filter((name) => name !== '' && name !== '.')
  let found: Found = { kind: 'directory', path: '/', tree: rootTree, meta: rootMeta }
  for (const name of names) {
    if (found.kind === 'file') return undefined
    const tree = await repo.readDirTree(found.tree)
    const next: string = found.path === '/' ? `/${name}` : `${found.path}/${name}`
    const dir = tree.dirs.find((item) => item.name === name)
    const file = tree.files.find((item) => item.name === name)
    if (dir !== undefined) found = { kind: 'directory', path: next, tree: dir.tree, meta: dir.meta }
    else if (file !== undefined) found = { kind: 'file', path: next, checksum: file.checksum }
    else return undefined
  }
  return found
}
