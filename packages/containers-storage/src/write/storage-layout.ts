import { createHash, randomBytes } from 'node:crypto'
import { closeSync, constants, openSync, writeSync } from 'node:fs'
import { BootcError, isBootcError, type Dir, type Digest, type OpOptions } from '@bootc-sdk/core'
import { baseName, joinPath } from '@bootc-sdk/core/names'
import { digestHex } from '@bootc-sdk/core/oci'
import { releaseAll } from '@bootc-sdk/core/store-kit'
import { labelled } from './labelled.js'
import type { LabelPath } from './layer-tree.js'
import type { Storage } from './records.js'

/** Names of a store of the overlay driver. @see containers/storage 1.57 store.go, drivers/overlay/overlay.go */
export const storagePaths = {
  overlay: 'overlay',
  links: 'overlay/l',
  images: 'overlay-images/images.json',
  imagesLock: 'overlay-images/images.lock',
  layers: 'overlay-layers/layers.json',
  layersLock: 'overlay-layers/layers.lock',
  containers: 'overlay-containers/containers.json',
  /** What came and belongs to no image yet; a name that podman passes over. */
  staged: 'bootc-sdk/layers',
  working: 'bootc-sdk/tmp',
  updates: 'bootc-sdk/updates',
  ownLock: 'bootc-sdk/lock',
} as const

const directories = [
  'overlay',
  'overlay/l',
  'overlay-images',
  'overlay-layers',
  'overlay-containers',
] as const
const ownDirectories = ['bootc-sdk', storagePaths.staged, storagePaths.working, storagePaths.updates] as const
const locks = [
  ...['overlay-images/images.lock', 'overlay-layers/layers.lock', 'overlay-containers/containers.lock'],
  ...['storage.lock', 'userns.lock', storagePaths.ownLock],
] as const

/** Make what is missing of a store. Lock files are made too: readers of a read-only store cannot. */
export async function layOut(dir: Dir, label: LabelPath): Promise<void> {
  for (const path of [...directories, ...ownDirectories]) {
    const mode = path === 'overlay/l' ? 0o755 : 0o700
    await ignoringExisting(() => dir.mkdir(path, { mode, ...labelled(label, path, 0o040000) }))
  }
  for (const path of locks) {
    const meta = { mode: 0o644, ...labelled(label, path, 0o100000) }
    await ignoringExisting(() => dir.write(path, new Uint8Array(), { ...meta, ifExists: 'fail' }))
  }
  // Not as lists are replaced: others may be laying it out, too. An empty file is an empty list, and nothing of it can
  // be lost.
  for (const path of [storagePaths.layers, storagePaths.images]) {
    const meta = { mode: 0o600, ...labelled(label, path, 0o100000) }
    await ignoringExisting(() => dir.write(path, new Uint8Array(), { ...meta, ifExists: 'fail' }))
  }
}

async function ignoringExisting(make: () => Promise<void>): Promise<void> {
  try {
    await make()
  } catch (error) {
    if (!isBootcError(error, 'TREE_EXISTS')) throw error
  }
}

/** A directory that is no store, or one of another driver, is not touched. @throws `STORE_CONTAINERS_UNSUPPORTED` */
export async function assertOverlay(dir: Dir): Promise<void> {
  for await (const { name } of dir.list('')) {
    const driver = /^(.+)-layers$/.exec(name)?.[1]
    if (driver === undefined || driver === 'overlay') continue
    throw new BootcError(
      'STORE_CONTAINERS_UNSUPPORTED',
      `storage driver ${driver} is not written, only overlay`,
      {
        details: { what: 'driver', driver },
      },
    )
  }
}

/** Whiteouts, owners and attributes of layers must be what they say, or containers would run on something else. */
export function assertCanHold({ supports, hostPath }: Dir): void {
  const missing = [
    supports.chown ? '' : 'owners',
    supports.xattrs ? '' : 'attributes',
    supports.symlink ? '' : 'links',
  ]
    .filter((what) => what !== '')
    .join(', ')
  if (missing === '') return
  throw new BootcError(
    'STORE_CONTAINERS_UNSUPPORTED',
    `storage of containers cannot be written${hostPath === undefined ? '' : ` at ${hostPath}`}: no way to set ${missing}`,
    { details: { what: missing } },
  )
}

/**
 * Exclude podman and others: their lock files, in their order. They take POSIX locks on the whole file, which exclude
 * the locks of `Dir` and the other way round.
 */
export async function lockStorage(dir: Dir, { signal }: OpOptions): Promise<AsyncDisposable> {
  const held: AsyncDisposable[] = []
  try {
    for (const path of [storagePaths.layersLock, storagePaths.imagesLock]) {
      held.push(await dir.lock(path, { exclusive: true, ...(signal === undefined ? {} : { signal }) }))
    }
  } catch (error) {
    await releaseAll(held)
    throw error
  }
  return { [Symbol.asyncDispose]: () => releaseAll(held) }
}

/**
 * Tell others that a list has changed: they compare the 64 bytes of its lock file. In place, as they hold it open.
 */
export async function touchLock({ dir, label }: Storage, path: string): Promise<void> {
  const token = randomBytes(64)
  if (dir.hostPath === undefined) {
    // Where nobody else can look.
    return dir.write(path, token, { mode: 0o644, atomic: false, ...labelled(label, path, 0o100000) })
  }
  const fd = openSync(joinHost(dir.hostPath, path), constants.O_WRONLY | constants.O_NOFOLLOW)
  try {
    writeSync(fd, token, 0, token.length, 0)
  } finally {
    closeSync(fd)
  }
}

function joinHost(root: string, path: string): string {
  return `${root === '/' ? '' : root}/${path}`
}

/**
 * Ids of an image's layers: the lowest is its diff id, each other the hash of the one below and its own.
 *
 * @see containers/image 5.34 storage/storage_dest.go, layerID
 */
export function layerIds(diffIds: readonly Digest[]): string[] {
  const ids: string[] = []
  for (const diffId of diffIds) {
    const below = ids.at(-1)
    const own = digestHex(diffId)
    ids.push(below === undefined ? own : createHash('sha256').update(`${below}+${own}`).digest('hex'))
  }
  return ids
}

const base32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** The short name of a layer for mount options. Anything of 26 letters; ours follows from the id. */
export function linkName(id: string): string {
  const hash = createHash('sha256').update(id).digest()
  return Array.from(hash.subarray(0, 26), (byte) => base32[byte & 31]!).join('')
}

/** File name of a document: keys with characters that file names should not have are `=` and base64. */
export function bigDataName(key: string): string {
  return /^[0-9a-z.]+$/.test(key) ? key : `=${Buffer.from(key).toString('base64').replaceAll('/', '_')}`
}

export function splitPath(id: string): string {
  return `overlay-layers/${id}.tar-split.gz`
}

export function layerDir(id: string): string {
  return joinPath(storagePaths.overlay, id)
}

export function isLayerName(path: string): boolean {
  return /^[0-9a-f]{64}$/.test(baseName(path))
}
