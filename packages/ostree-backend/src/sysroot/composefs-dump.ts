import type { OpOptions, Xattr } from '@bootc-sdk/core'
import { encodeName } from '@bootc-sdk/core/names'
import { isSymlinkMode } from '../format/mode.js'
import type { ObjectMeta, OstreeRepo } from '../repo/api.js'
import type { SizedHeader } from '../repo/content-reader.js'
import { fileHeaders } from '../repo/file-headers.js'
import { loadTrees, type LoadedTrees } from '../repo/load-trees.js'

/** What a root needs to be mounted on; made where a commit has none. */
const mountPoints = ['usr', 'etc', 'boot', 'var', 'sysroot']

const mountPointMeta: ObjectMeta = { uid: 0, gid: 0, mode: 0o040755, xattrs: [] }

/** How much text is handed on at once. */
const pieceChars = 256 * 1024

/** A commit's tree, loaded for `composefsDump`. */
export interface CommitContent {
  readonly root: { readonly tree: string; readonly meta: string }
  readonly loaded: LoadedTrees
  readonly headers: ReadonlyMap<string, SizedHeader>
}

/** Everything an image says of a commit; no content is read. */
export async function loadContent(
  repo: OstreeRepo,
  commit: string,
  options: OpOptions = {},
): Promise<CommitContent> {
  const { rootTree, rootMeta } = await repo.readCommit(commit)
  const root = { tree: rootTree, meta: rootMeta }
  const loaded = await loadTrees(repo, [root], options.signal)
  const files = new Set<string>()
  for (const tree of loaded.trees.values()) for (const { checksum } of tree.files) files.add(checksum)
  return { root, loaded, headers: await fileHeaders(repo, files, options.signal) }
}

/** `XX/REST.file`: where an image says that content is, below `objects`. */
export function contentPath(checksum: string): string {
  return `${checksum.slice(0, 2)}/${checksum.slice(2)}.file`
}

/**
 * A commit as text in composefs-dump(5) form, of which libcomposefs makes the image that libostree writes: all times 0,
 * every name a file of its own, content in objects of the repository.
 *
 * @param digests fs-verity digests in hex by checksum, of objects whose digest the image is to have
 * @see ostree 2026.4 src/libostree/ostree-repo-composefs.c
 */
export async function* composefsDump(
  content: CommitContent,
  digests: ReadonlyMap<string, string>,
): AsyncGenerator<Uint8Array> {
  let text = ''
  for (const line of lines(content, digests)) {
    text += line
    if (text.length < pieceChars) continue
    yield Buffer.from(text, 'latin1')
    text = ''
  }
  yield Buffer.from(text, 'latin1')
}

function* lines(content: CommitContent, digests: ReadonlyMap<string, string>): Generator<string> {
  const { trees, metas } = content.loaded
  const { files, dirs } = trees.get(content.root.tree)!
  const present = new Set([...files, ...dirs].map(({ name }) => name))
  const missing = mountPoints.filter((name) => !present.has(name))
  const stack = [{ path: '', ...content.root }]
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    const tree = trees.get(at.tree)!
    const more = at.path === '' ? missing : []
    yield directoryLine(at.path || '/', metas.get(at.meta)!, tree.dirs.length + more.length)
    for (const name of more) yield directoryLine(`/${name}`, mountPointMeta, 0)
    for (const { name, checksum } of tree.files) {
      const path = `${at.path}/${escape(name)}`
      yield fileLine(path, checksum, content.headers.get(checksum)!, digests.get(checksum))
    }
    for (const { name, tree: below, meta } of tree.dirs) {
      stack.push({ path: `${at.path}/${escape(name)}`, tree: below, meta })
    }
  }
}

function directoryLine(path: string, meta: ObjectMeta, subdirectories: number): string {
  return line(path, 0, 2 + subdirectories, meta, '- - -')
}

function fileLine(path: string, checksum: string, header: SizedHeader, digest: string | undefined): string {
  const { sizeBytes, symlinkTarget = '' } = header
  if (isSymlinkMode(header.mode)) {
    const target = symlinkTarget === '-' ? '\\x2d' : escape(symlinkTarget)
    return line(path, encodeName(symlinkTarget).length, 1, header, `${target} - -`)
  }
  // Without content there is no object to look for.
  if (sizeBytes === 0) return line(path, 0, 1, header, '- - -')
  return line(path, sizeBytes, 1, header, `${contentPath(checksum)} - ${digest ?? '-'}`)
}

function line(path: string, size: number, links: number, meta: ObjectMeta, rest: string): string {
  const { mode, uid, gid } = meta
  return `${path} ${size} ${mode.toString(8)} ${links} ${uid} ${gid} 0 0.0 ${rest}${xattrFields(meta.xattrs)}\n`
}

function xattrFields(xattrs: readonly Xattr[]): string {
  return xattrs.map(({ name, value }) => ` ${escape(name)}=${escapeBytes(Buffer.from(value))}`).join('')
}

// What is not plain in every field.
const special = /[^\x21-\x7e]|[\\=]/

function escape(name: string): string {
  return special.test(name) ? escapeBytes(encodeName(name)) : name
}

function escapeBytes(bytes: Buffer): string {
  const text = bytes.toString('latin1')
  if (!special.test(text)) return text
  return text.replace(
    new RegExp(special, 'g'),
    (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
}
