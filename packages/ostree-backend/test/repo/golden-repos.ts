import { readFileSync } from 'node:fs'
import { brotliDecompressSync } from 'node:zlib'
import type { Dir } from '@bootc-sdk/core'
import { tarXattrs } from '@bootc-sdk/core/tar'
import { memoryDir, tarMembers, type MemoryDir } from '@bootc-sdk/core/testing'
import type { RepoMode } from '../../src/repo/index.js'

export const goldenModes = ['archive', 'bare', 'bare-user', 'bare-user-only'] as const

const here = new URL('../golden/ostree/', import.meta.url)

export const goldenV1 = '9a4694cc02289d1aeee97fa5356da367a419f338a9d1475935e20b81eb966fc8'
export const goldenV2 = '69f80d32dd4fe1cd27c15a1a1dae278d7298e9e781ee862383f7cc8b247f7f8f'

export interface GoldenCommit {
  rev: string
  parent: string
  subject: string
  timestamp: number
  root_dirtree: string
  root_dirmeta: string
  content_checksum: string
  paths: Record<string, string | [tree: string, meta: string]>
}

export function goldenFile(name: string): Buffer {
  return readFileSync(new URL(name, here))
}

export function goldenCommits(mode: RepoMode): Record<string, GoldenCommit> {
  const all = JSON.parse(goldenFile('commits.json').toString()) as Record<
    string,
    { commits: Record<string, GoldenCommit> }
  >
  return all[mode]!.commits
}

let members: ReadonlyMap<string, Buffer> | undefined

/** `repo-MODE.tar`, `tree-v1.tar`, `tree-v2.tar`. */
export function goldenTar(name: string): Buffer {
  members ??= new Map(
    tarMembers(brotliDecompressSync(goldenFile('repos.tar.br'))).map(({ entry, data }) => [entry.name, data]),
  )
  return members.get(name)!
}

/** Unpack a tar below a directory, with everything the directory can hold. */
export async function unpackTar(bytes: Buffer, dir: Dir, strip = 0): Promise<void> {
  for (const { entry, data } of tarMembers(bytes)) {
    const clean = (name: string) =>
      name
        .split('/')
        .filter((part) => part !== '' && part !== '.')
        .slice(strip)
        .join('/')
    const path = clean(entry.name)
    const { mode, uid, gid, mtime } = entry
    const meta = { mode, uid, gid, mtime, xattrs: tarXattrs(entry) }
    if (path === '') {
      if (entry.type === 'directory') await dir.setMeta('', meta)
    } else if (entry.type === 'directory') await dir.mkdir(path, meta)
    else if (entry.type === 'file') await dir.write(path, data, meta)
    else if (entry.type === 'symlink')
      await dir.symlink(entry.linkName, path, { uid, gid, mtime, xattrs: meta.xattrs })
    else if (entry.type === 'hardlink') await dir.link(clean(entry.linkName), path)
    else throw new Error(`unexpected ${entry.type} ${entry.name}`)
  }
}

const unpacked = new Map<RepoMode, Promise<MemoryDir>>()

/** A fresh copy in memory of a repository made by the real tool. */
export async function goldenRepoDir(mode: RepoMode): Promise<MemoryDir> {
  let dir = unpacked.get(mode)
  if (dir === undefined) {
    dir = (async () => {
      const made = memoryDir()
      await unpackTar(goldenTar(`repo-${mode}.tar`), made, 1)
      return made
    })()
    unpacked.set(mode, dir)
  }
  return (await dir).snapshot()
}
