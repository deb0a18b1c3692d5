import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { BootcError, type Digest } from '@bootc-sdk/core'
import { isDigest } from '@bootc-sdk/core/oci'
import { maxRecordsBytes } from './write/records.js'

/** An image of a store, as far as it is needed. */
export interface StorageImage {
  readonly id: string
  readonly digest?: Digest
  readonly names: readonly string[]
  /** Uppermost layer; absent for images without any. */
  readonly layer?: string
  /** Digests of documents kept with it, by key (`manifest`, `sha256:…`). */
  readonly digests: ReadonlyMap<string, string>
}

export interface StorageLayer {
  readonly id: string
  readonly parent?: string
  /** Of the tar; older stores and partially pulled layers may lack it. */
  readonly diffDigest?: Digest
  readonly diffBytes?: number
}

/** One directory of images: the main store, or an additional one. */
export interface ImageStoreFiles {
  readonly root: string
  readonly driver: string
  readonly images: readonly StorageImage[]
  readonly layers: ReadonlyMap<string, StorageLayer>
}

const drivers = ['overlay', 'vfs'] as const
const attempts = 5

/**
 * Read what a store says about itself. Nothing is locked: podman's locks are of a kind that Node cannot take, so the
 * files are read again when they changed meanwhile.
 *
 * @returns undefined where there is no store
 * @throws BootcError `IMAGE_LAYOUT_INVALID`
 */
export function readStore(root: string, wanted?: string): ImageStoreFiles | undefined {
  const driver = drivers.find(
    (name) =>
      (wanted === undefined || name === wanted) && existsSync(join(root, `${name}-images/images.json`)),
  )
  if (driver === undefined) {
    if (wanted === undefined || (drivers as readonly string[]).includes(wanted)) return undefined
    throw invalid(root, `storage driver ${wanted} is not supported, only ${drivers.join(' and ')}`)
  }
  const paths = [
    join(root, `${driver}-images/images.json`),
    join(root, `${driver}-layers/layers.json`),
  ] as const
  for (let attempt = 1; ; attempt++) {
    const before = paths.map(stampOf).join()
    const [images, layers] = paths.map(readJson) as [unknown[], unknown[]]
    if (paths.map(stampOf).join() === before) {
      const parsed = layers.map((value) => layerOf(paths[1], value))
      return {
        root,
        driver,
        images: images.map((value) => imageOf(paths[0], value)),
        layers: new Map(parsed.map((layer) => [layer.id, layer])),
      }
    }
    if (attempt === attempts) throw invalid(root, 'changes all the time')
  }
}

function stampOf(path: string): string {
  try {
    const { ino, size, mtimeNs } = statSync(path, { bigint: true })
    return [ino, size, mtimeNs].join(':')
  } catch {
    return ''
  }
}

function readJson(path: string): unknown[] {
  try {
    const { size } = statSync(path)
    if (size > maxRecordsBytes) throw invalid(path, `has ${size} bytes`)
    const value: unknown = JSON.parse(readFileSync(path, 'utf8') || '[]')
    if (Array.isArray(value)) return value
  } catch (cause) {
    if (cause instanceof BootcError) throw cause
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw invalid(path, 'cannot be read', cause)
  }
  throw invalid(path, 'is no list')
}

type Members = Readonly<Record<string, unknown>>

function imageOf(path: string, value: unknown): StorageImage {
  const image = (value ?? {}) as Members
  const { id, digest, names, layer } = image
  if (typeof id !== 'string' || !isStorageId(id)) throw invalid(path, 'holds an image without a proper id')
  const digests = Object.entries((image['big-data-digests'] ?? {}) as Members)
  return {
    id,
    ...(isDigest(digest) ? { digest } : {}),
    names: Array.isArray(names) ? names.filter((name) => typeof name === 'string') : [],
    ...(typeof layer === 'string' && layer !== '' ? { layer } : {}),
    digests: new Map(digests.filter((entry): entry is [string, string] => typeof entry[1] === 'string')),
  }
}

function layerOf(path: string, value: unknown): StorageLayer {
  const layer = (value ?? {}) as Members
  const { id, parent } = layer
  const [digest, size] = [layer['diff-digest'], layer['diff-size']]
  if (typeof id !== 'string' || !isStorageId(id)) throw invalid(path, 'holds a layer without a proper id')
  return {
    id,
    ...(typeof parent === 'string' && parent !== '' ? { parent } : {}),
    ...(isDigest(digest) ? { diffDigest: digest } : {}),
    ...(typeof size === 'number' && Number.isSafeInteger(size) && size > 0 ? { diffBytes: size } : {}),
  }
}

/** Ids become names of files. */
function isStorageId(id: string): boolean {
  return /^[0-9a-f]{64}$/.test(id)
}

export function invalid(path: string, problem: string, cause?: unknown): BootcError {
  return new BootcError('IMAGE_LAYOUT_INVALID', `${path} ${problem}`, { details: { path }, cause })
}
