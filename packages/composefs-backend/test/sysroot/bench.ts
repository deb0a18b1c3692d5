import { pullImage } from '@bootc-sdk/core'
import type {
  Deployment,
  SignedImageReference,
  StoreBackend,
  StoredImage,
  SysrootLock,
} from '@bootc-sdk/core'
import {
  bootableImage,
  memorySysroot,
  memoryTransport,
  type BuiltImage,
  type MemorySysroot,
  type MemorySysrootOptions,
} from '@bootc-sdk/core/testing'
import { composefsBackend, type ComposefsBackendOptions } from '../../src/index.js'

export const followed: SignedImageReference = {
  image: { transport: 'registry', name: 'registry.example/os:stable' },
  signature: { kind: 'insecure' },
}

export interface Bench {
  readonly sysroot: MemorySysroot
  readonly backend: StoreBackend
  readonly lock: SysrootLock
  pull(image: BuiltImage): Promise<StoredImage>
  deploy(image?: BuiltImage): Promise<Deployment>
}

/** A composefs store on an empty sysroot in memory. */
export async function bench(
  options: ComposefsBackendOptions = {},
  sysrootOptions: MemorySysrootOptions = {},
): Promise<Bench> {
  const sysroot = memorySysroot(sysrootOptions)
  const lock = await sysroot.lock()
  const backend = await composefsBackend(options).init(sysroot, lock)
  const pull = async (image: BuiltImage): Promise<StoredImage> => {
    const transports = [memoryTransport({ [followed.image.name]: image })]
    return (await pullImage({ transports, store: backend.images, reference: followed.image })).image
  }
  return {
    ...{ sysroot, backend, lock, pull },
    async deploy(image = bootableImage({ version: 1 })) {
      return backend.deployments.create(await pull(image), { origin: followed }, lock)
    },
  }
}

/** Deployments as bootc finds them: by what is on disk, and nothing that this process remembers. */
export async function reopened(
  sysroot: MemorySysroot,
  options: ComposefsBackendOptions = {},
): Promise<StoreBackend> {
  return composefsBackend(options).open(sysroot)
}

export async function listed(backend: StoreBackend): Promise<Deployment[]> {
  const found: Deployment[] = []
  for await (const deployment of backend.deployments.list()) found.push(deployment)
  return found
}
