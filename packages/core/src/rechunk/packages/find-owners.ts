import { compareNames } from '../../names/index.js'
import { nodeAt, type DirectoryNode, type FileNode } from '../nodes.js'
import { resolvePath } from '../resolve-path.js'
import type { SpoolReader } from '../spool.js'
import { readApk } from './apk.js'
import { readDpkg } from './dpkg.js'
import { readPacman } from './pacman.js'
import { readRpm } from './rpm.js'
import type { DatabaseFiles, PackageFiles } from './types.js'

const maxFileBytes = 256 * 1024 * 1024

export interface PackageOwners {
  /** Name of the database, for people. */
  readonly database: 'dpkg' | 'rpm' | 'pacman' | 'apk'
  /** Package by path of a file; the first package in order of names has what several claim. */
  readonly owners: ReadonlyMap<string, string>
  /** Source by package. */
  readonly sources: ReadonlyMap<string, string>
}

const readers = { dpkg: readDpkg, rpm: readRpm, pacman: readPacman, apk: readApk } as const

/** Which package each file is of, by the first database that is there and names files of the image. */
export async function findOwners(
  root: DirectoryNode,
  reader: SpoolReader,
): Promise<PackageOwners | undefined> {
  const files = databaseFiles(root, reader)
  for (const [database, read] of Object.entries(readers)) {
    const found = ownersOf(root, await read(files))
    if (found.owners.size > 0) return { database: database as keyof typeof readers, ...found }
  }
  return undefined
}

function ownersOf(root: DirectoryNode, packages: readonly PackageFiles[]): Omit<PackageOwners, 'database'> {
  const owners = new Map<string, string>()
  const sources = new Map<string, string>()
  const cache = new Map<string, string>()
  const sorted = [...packages].sort((a, b) => (a.name < b.name ? -1 : 1))
  for (const { name, source, paths } of sorted) {
    for (const path of paths) {
      const real = resolvePath(root, path, cache)
      const node = real === undefined ? undefined : nodeAt(root, real)
      if (node === undefined || node.kind === 'directory' || owners.has(real!)) continue
      owners.set(real!, name)
      sources.set(name, source)
    }
  }
  return { owners, sources }
}

function databaseFiles(root: DirectoryNode, reader: SpoolReader): DatabaseFiles {
  const at = (path: string): DirectoryNode | FileNode | undefined => {
    const real = resolvePath(root, path)
    return real === undefined ? undefined : nodeAt(root, real)
  }
  return {
    list(path) {
      const node = at(path)
      if (node?.kind !== 'directory') return []
      return [...node.children.keys()].sort(compareNames)
    },
    async read(path) {
      const node = at(path)
      if (node?.kind !== 'file' || node.sizeBytes > maxFileBytes) return undefined
      return reader.readAll(node.offset, node.sizeBytes)
    },
  }
}
