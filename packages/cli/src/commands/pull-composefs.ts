import { mkdir } from 'node:fs/promises'
import { resolve } from 'node:path'
import {
  composefsImageStore,
  initComposefsRepo,
  openComposefsRepo,
  type ComposefsRepo,
  type ErofsVersion,
  type VerityAlgorithm,
} from '@bootc-sdk/composefs-backend'
import { BootcError, type Dir, type StoredImage } from '@bootc-sdk/core'
import { nodeDir } from '@bootc-sdk/core/node'
import type { ImageIds, PullTarget } from './pull-target.js'

export interface ComposefsPullOptions {
  readonly repo: string
  readonly algorithm?: VerityAlgorithm
  readonly erofsVersion?: ErofsVersion
  readonly bootable?: boolean
}

export async function composefsTarget(options: ComposefsPullOptions): Promise<PullTarget> {
  const repo = await openOrInit(options)
  const { bootable = false } = options
  const store = composefsImageStore(repo, { bootable })
  const version = options.erofsVersion ?? repo.meta.erofsVersion
  return {
    store,
    layer: ({ digest, diffId, ref, id, cached }) => ({ digest, diffId, ref, id, cached }),
    async describe(image: StoredImage): Promise<ImageIds> {
      const imageId =
        image.id !== '' && version === repo.meta.erofsVersion ? image.id : await make(image, false)
      if (!bootable) return { json: { imageId }, lines: [['Image', imageId]] }
      const bootImageId = await make(image, true)
      return {
        json: { imageId, bootImageId },
        lines: [
          ['Image', imageId],
          ['Boot image', bootImageId],
        ],
      }
    },
    [Symbol.asyncDispose]: () => repo[Symbol.asyncDispose](),
  }

  function make(image: StoredImage, isBootable: boolean): Promise<string> {
    return store.imageOfVersion(image, version, { bootable: isBootable })
  }
}

/**
 * A repository keeps its version for good, and other tools cannot work with one of version 0: there images of
 * another version than the repository's are made besides.
 */
async function openOrInit({ repo, algorithm, erofsVersion }: ComposefsPullOptions): Promise<ComposefsRepo> {
  const path = resolve(repo)
  await mkdir(path, { recursive: true, mode: 0o700 })
  const dir = nodeDir(path)
  if (await isRepository(dir)) return openComposefsRepo(dir, { algorithm })
  for await (const { name } of dir.list('')) {
    const reason = `${path} is no composefs repository and not empty (${JSON.stringify(name)})`
    throw new BootcError('STORE_COMPOSEFS_NOT_A_REPO', reason, { details: { reason } })
  }
  return initComposefsRepo(dir, { algorithm, erofsVersion: erofsVersion === 2 ? 2 : 1 })
}

/** Old ones have objects only. */
async function isRepository(dir: Dir): Promise<boolean> {
  if ((await dir.stat('meta.json')) !== undefined) return true
  return (await dir.stat('objects')) !== undefined && (await dir.stat('config')) === undefined
}
