import { checksumBytes, sha256Hex } from '../format/checksum.js'
import { encodeDict } from '../format/variant-dict.js'
import type { OstreeRepo, Variant } from '../repo/api.js'
import { ensureDir, readFile } from '../repo/io.js'
import { maxMetadataBytes } from '../format/checksum.js'
import { replaceFile } from '../repo/staging.js'
import { makeDelta, type MadeDelta, type MakeDeltaOptions } from './make.js'
import { deltaDir, deltaIndexPath, printDeltaName, type DeltaName } from './names.js'
import { listDeltas } from './open-delta.js'

/**
 * Make a delta in the repository itself, where its server offers it. A superblock appears when its parts are there.
 *
 * @throws BootcError as `makeDelta`
 */
export async function generateDelta(
  repo: OstreeRepo,
  delta: DeltaName,
  options: MakeDeltaOptions = {},
): Promise<MadeDelta> {
  const dir = deltaDir(delta)
  await ensureDir(repo.dir, 'deltas')
  await ensureDir(repo.dir, dir.slice(0, dir.lastIndexOf('/')))
  await deleteDelta(repo, delta)
  await ensureDir(repo.dir, dir)
  const write = (index: number, file: Buffer) =>
    repo.dir.write(`${dir}/${index}`, file, { mode: 0o644, atomic: false })
  try {
    const made = await makeDelta(repo, delta, write, options)
    await repo.dir.sync()
    await replaceFile(repo.dir, `${dir}/superblock`, made.superblock)
    return made
  } catch (error) {
    await deleteDelta(repo, delta)
    throw error
  }
}

/** Remove a delta; nothing happens when there is none. */
export async function deleteDelta(repo: OstreeRepo, delta: DeltaName): Promise<void> {
  const dir = deltaDir(delta)
  // Nobody finds the parts without it.
  await repo.dir.remove(`${dir}/superblock`)
  await repo.dir.remove(dir)
}

/** Digests of superblocks by name of delta, as summaries and indexes list them. */
export async function deltaDigests(repo: OstreeRepo): Promise<Map<DeltaName, Buffer>> {
  const out = new Map<DeltaName, Buffer>()
  for (const delta of await listDeltas(repo)) {
    const bytes = await readFile(repo.dir, `${deltaDir(delta)}/superblock`, maxMetadataBytes)
    if (bytes !== undefined) out.set(delta, checksumBytes(sha256Hex(bytes)))
  }
  return out
}

/** Write `delta-indexes/` anew: for every commit, the deltas that lead to it. @returns how many indexes */
export async function reindexDeltas(repo: OstreeRepo): Promise<number> {
  const byTarget = new Map<string, [string, Variant][]>()
  for (const [delta, digest] of await deltaDigests(repo)) {
    const entries = byTarget.get(delta.to) ?? []
    entries.push([printDeltaName(delta), { type: 'ay', value: digest }])
    byTarget.set(delta.to, entries)
  }
  await ensureDir(repo.dir, 'delta-indexes')
  const wanted = new Set<string>()
  for (const [to, entries] of byTarget) {
    const path = deltaIndexPath(to)
    wanted.add(path)
    await ensureDir(repo.dir, path.slice(0, path.lastIndexOf('/')))
    const bytes = encodeDict([['ostree.static-deltas', { type: 'a{sv}', value: entries }]])
    await replaceFile(repo.dir, path, bytes)
  }
  for await (const outer of repo.dir.list('delta-indexes')) {
    if (outer.stat.type !== 'directory') continue
    for await (const { name } of repo.dir.list(`delta-indexes/${outer.name}`)) {
      const path = `delta-indexes/${outer.name}/${name}`
      if (name.endsWith('.index') && !wanted.has(path)) await repo.dir.remove(path)
    }
  }
  await repo.setConfig([{ group: 'core', key: 'indexed-deltas', value: 'true' }])
  return byTarget.size
}
