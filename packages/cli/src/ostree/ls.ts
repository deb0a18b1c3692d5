import { BootcError } from '@bootc-sdk/core'
import { encodeName } from '@bootc-sdk/core/names'
import type { DirTree, ObjectMeta, OstreeRepo } from '@bootc-sdk/ostree-backend'
import type { Cli } from '../io.js'
import { printable } from '../format.js'
import { findInCommit } from './find-in-commit.js'
import { openRepository, resolveCommit, type RepoOptions } from './repository.js'
import { variantText } from './variant-text.js'

interface LsOptions extends RepoOptions {
  readonly dironly?: boolean
  readonly recursive?: boolean
  readonly checksum?: boolean
  readonly xattrs?: boolean
  readonly nulFilenamesOnly?: boolean
}

/** `bootc-sdk ostree ls`: `d00755 0 0      0 /usr`, files before directories, each in byte order. */
export async function ls(cli: Cli, options: LsOptions, rev: string, paths: readonly string[]): Promise<void> {
  const repo = await openRepository(options)
  const commit = await resolveCommit(repo, rev)
  for (const path of paths.length === 0 ? ['/'] : paths) {
    const found = await findInCommit(repo, commit, path)
    if (found === undefined) {
      throw new BootcError('TREE_NOT_FOUND', `No such file or directory: ${path}`, { details: { path } })
    }
    if (found.kind === 'file') await fileLine(cli, repo, options, found.path, found.checksum)
    else await directory(cli, repo, options, found, 0)
  }
}

interface FoundDir {
  readonly path: string
  readonly tree: string
  readonly meta: string
}

async function directory(
  cli: Cli,
  repo: OstreeRepo,
  options: LsOptions,
  dir: FoundDir,
  depth: number,
): Promise<void> {
  if (cli.out.closed) return
  cli.signal.throwIfAborted()
  const meta = await repo.readDirMeta(dir.meta)
  const sums = options.checksum === true ? `${dir.tree} ${dir.meta} ` : ''
  await entryLine(cli, options, 'd', meta, 0, sums, dir.path)
  // The first level is always shown; deeper ones on request.
  if (options.dironly === true || (depth > 0 && options.recursive !== true)) return
  const tree: DirTree = await repo.readDirTree(dir.tree)
  const base = dir.path === '/' ? '/' : `${dir.path}/`
  for (const file of tree.files) await fileLine(cli, repo, options, base + file.name, file.checksum)
  for (const child of tree.dirs) {
    await directory(
      cli,
      repo,
      options,
      { path: base + child.name, tree: child.tree, meta: child.meta },
      depth + 1,
    )
  }
}

async function fileLine(
  cli: Cli,
  repo: OstreeRepo,
  options: LsOptions,
  path: string,
  checksum: string,
): Promise<void> {
  const header = await repo.fileHeader(checksum)
  const link = header.symlinkTarget
  const sums = options.checksum === true ? `${checksum} ` : ''
  const size = link === undefined ? header.sizeBytes : 0
  await entryLine(cli, options, link === undefined ? '-' : 'l', header, size, sums, path, link)
}

async function entryLine(
  cli: Cli,
  options: LsOptions,
  letter: string,
  meta: ObjectMeta,
  sizeBytes: number,
  sums: string,
  path: string,
  link?: string,
): Promise<void> {
  if (options.nulFilenamesOnly === true) {
    await cli.out.write(Buffer.concat([encodeName(path), Buffer.of(0)]))
    return
  }
  const mode = (meta.mode & 0o7777).toString(8).padStart(4, '0')
  const xattrs = options.xattrs === true ? `{ ${xattrText(meta)} } ` : ''
  const target = link === undefined ? '' : ` -> ${printable(link)}`
  const size = String(sizeBytes).padStart(6)
  await cli.out.write(
    `${letter}0${mode} ${meta.uid} ${meta.gid} ${size} ${sums}${xattrs}${printable(path)}${target}\n`,
  )
}

function xattrText(meta: ObjectMeta): string {
  const value = meta.xattrs.map((xattr) => [Buffer.from(`${xattr.name}\0`), xattr.value])
  return variantText({ type: 'a(ayay)', value })
}
