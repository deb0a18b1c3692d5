import { randomBytes } from 'node:crypto'
import type { Descriptor, Dir, Digest, OpOptions } from '@bootc-sdk/core'
import { digestHex } from '@bootc-sdk/core/oci'
import { readLayerTar } from './read-layer.js'
import { damaged, isComplete, stringOf, type Storage, type StorageRecord } from './records.js'
import { stageLayer, type LayerFacts } from './stage-layer.js'
import { labelled } from './labelled.js'
import { layerDir, linkName, splitPath, storagePaths } from './storage-layout.js'

/** A layer that came, complete and on disk, and that no image has yet. */
export function stagedPath(diffId: Digest): string {
  return `${storagePaths.staged}/${digestHex(diffId)}`
}

/** Unpack a layer into a place of its own; nothing of it is found before its last byte was right and all is on disk. */
export async function stage(
  { dir, label }: Storage,
  { diffId, id }: { readonly diffId: Digest; readonly id: string },
  tar: AsyncIterable<Uint8Array>,
  { signal }: OpOptions,
): Promise<LayerFacts> {
  const working = `${storagePaths.working}/${randomBytes(8).toString('hex')}`
  const labelHere = (path: string, mode: number) =>
    label(`${layerDir(id)}/diff/${path}`.replace(/\/$/, ''), mode)
  await dir.mkdir(working, { mode: 0o700, ...labelled(label, layerDir(id), 0o040000) })
  try {
    const top = { mode: 0o555, uid: 0, gid: 0, ...labelled(labelHere, '', 0o040000) }
    await dir.mkdir(`${working}/diff`, top)
    const splitMeta = labelled(label, splitPath(id), 0o100000)
    const facts = await stageLayer(dir.sub(working), tar, { label: labelHere, splitMeta, signal })
    await dir.write(`${working}/facts.json`, Buffer.from(JSON.stringify(facts)), { atomic: false })
    await dir.sync()
    signal?.throwIfAborted()
    await place(dir, working, stagedPath(diffId))
    return facts
  } finally {
    await dir.remove(working)
  }
}

/** Another import may have brought the same layer, or be about to: it counts once. */
async function place(dir: Dir, working: string, staged: string): Promise<void> {
  if ((await dir.stat(staged)) !== undefined) return
  try {
    await dir.rename(working, staged)
  } catch (error) {
    if ((await dir.stat(staged)) === undefined) throw error
  }
}

export interface LayerToPublish {
  readonly id: string
  readonly parent?: string
  readonly diffId: Digest
  readonly descriptor: Descriptor
  /** RFC 3339. */
  readonly created: string
}

/**
 * Move a staged layer (or a copy of one that is below another parent already) to its place, and give the record that
 * makes it one. Nothing is synced; the record must be written after that.
 */
export async function publish(
  storage: Storage,
  layer: LayerToPublish,
  records: readonly StorageRecord[],
  options: OpOptions,
): Promise<StorageRecord> {
  const { dir, label } = storage
  const { id, parent, diffId, descriptor, created } = layer
  const staged = stagedPath(diffId)
  if ((await dir.stat(staged)) === undefined) {
    const twin = records.find((record) => isComplete(record) && stringOf(record, 'diff-digest') === diffId)
    if (twin === undefined) throw damaged(storagePaths.layers, `lacks the layer ${diffId}`)
    await stage(storage, layer, readLayerTar(dir, twin.id, options.signal), options)
  }
  const facts = await readFacts(dir, `${staged}/facts.json`)
  const place = layerDir(id)
  const link = `${storagePaths.links}/${linkName(id)}`
  // What an interrupted one left.
  for (const path of [place, link, splitPath(id)]) await dir.remove(path)
  // Whole at once: what is left in the staging place must be complete at any moment.
  await dir.rename(staged, place)
  const below = parent === undefined ? undefined : layerDir(parent)
  const diff = `${place}/diff`
  // As overlayfs shows the uppermost one for the root: like the layer below where the tar says nothing about it.
  if (below !== undefined && (await isUntouched(dir, diff))) {
    const { mode, uid, gid } = (await dir.stat(`${below}/diff`))!
    await dir.setMeta(diff, { mode, uid, gid })
  }
  const text = async (name: string, content: string) =>
    dir.write(`${place}/${name}`, Buffer.from(content), {
      ...{ mode: 0o644, atomic: false },
      ...labelled(label, `${place}/${name}`, 0o100000),
    })
  const directory = (name: string) =>
    dir.mkdir(`${place}/${name}`, { mode: 0o700, ...labelled(label, `${place}/${name}`, 0o040000) })
  await text('link', linkName(id))
  if (parent !== undefined)
    await text('lower', [`l/${linkName(parent)}`, ...(await lowerOf(dir, parent))].join(':'))
  else await directory('empty')
  await directory('merged')
  await directory('work')
  await dir.symlink(`../${id}/diff`, link, labelled(label, link, 0o120000))
  await dir.rename(`${place}/tar-split.gz`, splitPath(id))
  await dir.remove(`${place}/facts.json`)
  const compression = compressionOf(descriptor.mediaType)
  return {
    id,
    ...(parent === undefined ? {} : { parent }),
    created,
    'compressed-diff-digest': descriptor.digest,
    'compressed-size': descriptor.size,
    'diff-digest': diffId,
    'diff-size': facts.diffBytes,
    ...(compression === 0 ? {} : { compression }),
    uidset: facts.uids,
    gidset: facts.gids,
  }
}

async function readFacts(dir: Dir, path: string): Promise<LayerFacts> {
  const chunks: Uint8Array[] = []
  for await (const chunk of dir.read(path)) chunks.push(chunk)
  return JSON.parse(Buffer.concat(chunks).toString('utf8')) as LayerFacts
}

async function isUntouched(dir: Dir, diff: string): Promise<boolean> {
  const { mode, uid, gid } = (await dir.stat(diff))!
  return mode === 0o555 && uid === 0 && gid === 0
}

async function lowerOf(dir: Dir, id: string): Promise<string[]> {
  const path = `${layerDir(id)}/lower`
  if ((await dir.stat(path)) === undefined) return []
  const chunks: Uint8Array[] = []
  for await (const chunk of dir.read(path)) chunks.push(chunk)
  const text = Buffer.concat(chunks).toString('utf8')
  return text === '' ? [] : text.split(':')
}

/** @see containers/storage 1.57 pkg/archive, Compression */
function compressionOf(mediaType: string): number {
  if (/gzip$/.test(mediaType)) return 2
  return /zstd$/.test(mediaType) ? 4 : 0
}
