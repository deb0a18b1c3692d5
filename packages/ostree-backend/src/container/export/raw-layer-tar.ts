import type { Bytes } from '@bootc-sdk/core'
import type { ObjectMeta, OstreeRepo } from '../../repo/api.js'
import { selinuxXattr } from '../labels.js'
import type { CommitContents } from './commit-contents.js'
import { setSymlinkTarget } from './content-group.js'
import { containerPath, plainEntry, xattrsEntry } from './entries.js'
import { loadObjects, type LoadedObject } from './load-objects.js'
import { endOfTar, newHeader, padding, sealed, setPath } from './tar-header.js'

type Item =
  { readonly path: string; readonly meta: ObjectMeta } | { readonly path: string; readonly checksum: string }

/**
 * The tar of an ordinary layer, made again from the tree that it was imported as. Times, the order of entries, hard
 * links and what the import left out are gone; owners, modes, attributes and content are there. Unlike the reference
 * exporter this keeps attributes of directories, and the root's where they are not the usual ones.
 *
 * @see bootc 1.16.9, ostree-ext tar/export.rs, raw export
 */
export async function* rawLayerTar(repo: OstreeRepo, contents: CommitContents, signal?: AbortSignal): Bytes {
  const root = contents.metas.get(contents.commit.rootMeta)!
  if (!isUsual(root)) yield Buffer.concat(directoryEntry('./', root))
  const items = [...itemsOf(contents)]
  const checksums = items.flatMap((item) => ('checksum' in item ? item.checksum : []))
  // An object whose odd mode the repository could not hold is still the best there is.
  const objects = loadObjects(repo, checksums, { verify: false, signal })
  try {
    for (const item of items) {
      if ('checksum' in item) yield* fileEntry(item.path, (await objects.next()).value as LoadedObject)
      else yield Buffer.concat(directoryEntry(item.path, item.meta))
    }
  } finally {
    await objects.return(undefined)
  }
  yield endOfTar
}

/** Per directory: files, then each subdirectory with what is below. */
function* itemsOf({ commit, trees, metas }: CommitContents): Generator<Item> {
  function* below(tree: string, path: string): Generator<Item> {
    const { files, dirs } = trees.get(tree)!
    for (const { name, checksum } of files) yield { path: containerPath(path + name), checksum }
    for (const dir of dirs) {
      yield { path: containerPath(path + dir.name), meta: metas.get(dir.meta)! }
      yield* below(dir.tree, `${path}${dir.name}/`)
    }
  }
  yield* below(commit.rootTree, '')
}

async function* fileEntry(path: string, object: LoadedObject): Bytes {
  const { symlinkTarget, sizeBytes, xattrs, ...owner } = object.header
  const isSymlink = symlinkTarget !== undefined
  const type = isSymlink ? 'symlink' : 'file'
  const header = newHeader({ ...owner, type, sizeBytes: isSymlink ? 0 : sizeBytes })
  yield Buffer.concat([
    ...xattrsEntry(xattrs),
    ...setPath(header, path),
    ...(isSymlink ? setSymlinkTarget(header, symlinkTarget) : []),
    sealed(header),
  ])
  if (isSymlink) return
  yield* object.content()
  yield padding(sizeBytes)
}

function directoryEntry(path: string, meta: ObjectMeta): Buffer[] {
  return [...xattrsEntry(meta.xattrs), ...plainEntry(path, { ...meta, type: 'directory' })]
}

/** What an import gives a root that has no entry. */
function isUsual({ uid, gid, mode, xattrs }: ObjectMeta): boolean {
  const isPlain = xattrs.every(({ name }) => name === selinuxXattr)
  return isPlain && uid === 0 && gid === 0 && (mode & 0o7777) === 0o755
}
