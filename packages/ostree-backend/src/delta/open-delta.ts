import { readFile as readHostFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { maxMetadataBytes } from '../format/checksum.js'
import { corrupt } from '../format/errors.js'
import type { OstreeRepo } from '../repo/api.js'
import { noObject } from '../repo/errors.js'
import { readFile } from '../repo/io.js'
import { inlinePart, largestPartBytes, openSuperblock, type DeltaSource } from './apply.js'
import { deltaDir, deltaOfDir, printDeltaName, type DeltaName } from './names.js'

/**
 * A delta outside of a repository: a directory with `superblock` and parts, a superblock, or one file with
 * everything (`static-delta generate --inline --filename`).
 *
 * @throws BootcError `STORE_OSTREE_NO_OBJECT`, `STORE_OSTREE_CORRUPT`
 */
export async function openDeltaFile(path: string): Promise<DeltaSource> {
  const isDirectory = await stat(path).then(
    (found) => found.isDirectory(),
    (cause: unknown) => {
      throw noObject(`delta ${path}`, cause)
    },
  )
  const file = isDirectory ? join(path, 'superblock') : path
  const opened = openSuperblock(await read(file, maxMetadataBytes), file)
  return {
    ...opened,
    part: async (index) => {
      const key = `${deltaDir(opened.superblock)}/${index}`
      if (opened.superblock.metadata.some(([each]) => each === key)) return inlinePart(opened, index)
      return read(join(dirname(file), String(index)), largestPartBytes)
    },
  }
}

/** A delta of a repository's own. @throws BootcError `STORE_OSTREE_NO_OBJECT`, `STORE_OSTREE_CORRUPT` */
export async function openRepoDelta(repo: OstreeRepo, delta: DeltaName): Promise<DeltaSource> {
  const dir = deltaDir(delta)
  const what = `delta ${printDeltaName(delta)}`
  const bytes = await readFile(repo.dir, `${dir}/superblock`, maxMetadataBytes)
  if (bytes === undefined) throw noObject(what)
  const opened = openSuperblock(bytes, what, delta)
  return {
    ...opened,
    part: async (index) => {
      const part = await readFile(repo.dir, `${dir}/${index}`, largestPartBytes)
      return part ?? inlinePart(opened, index)
    },
  }
}

/** Deltas of a repository, by directory name. */
export async function listDeltas(repo: Pick<OstreeRepo, 'dir'>): Promise<DeltaName[]> {
  const found: DeltaName[] = []
  if ((await repo.dir.stat('deltas'))?.type !== 'directory') return found
  for await (const outer of repo.dir.list('deltas')) {
    if (outer.stat.type !== 'directory' || outer.name.length !== 2) continue
    for await (const { name, stat: inner } of repo.dir.list(`deltas/${outer.name}`)) {
      const delta = inner.type === 'directory' ? deltaOfDir(outer.name, name) : undefined
      if (delta === undefined) continue
      const superblock = await repo.dir.stat(`deltas/${outer.name}/${name}/superblock`)
      if (superblock?.type === 'file') found.push(delta)
    }
  }
  return found.sort((a, b) => (printDeltaName(a) < printDeltaName(b) ? -1 : 1))
}

async function read(path: string, maxBytes: number): Promise<Buffer> {
  try {
    const { size } = await stat(path)
    if (size > maxBytes) throw corrupt(path, `has ${size} bytes`)
    return await readHostFile(path)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') throw noObject(path, cause)
    throw cause
  }
}
