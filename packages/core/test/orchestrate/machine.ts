import type { SignedImageReference } from '../../src/oci/reference.js'
import { openBootc } from '../../src/orchestrate/index.js'
import type { Bootc, BootcParts } from '../../src/orchestrate/index.js'
import {
  bootableImage,
  memoryBackend,
  memoryBootloader,
  memorySysroot,
  memoryTransport,
  simulateBoot,
  simulateReboot,
  type MemorySysroot,
  type MemoryTransport,
  type SimulatedBoot,
} from '../../src/testing/index.js'

export const stable: SignedImageReference = {
  image: { transport: 'registry', name: 'registry.example/os:stable' },
  signature: { kind: 'insecure' },
}

export const images = [1, 2, 3, 4].map((version) => bootableImage({ version, compression: 'none' }))

export interface Machine {
  readonly transport: MemoryTransport
  sysroot: MemorySysroot
  bootc: Bootc
  /** Serve this version under the tag. */
  publish(version: number, name?: string): void
  /** What would come up. */
  boot(): Promise<SimulatedBoot>
  /** Finalize as at shutdown, then come up from the disks alone. */
  reboot(options?: { finalize?: boolean; entry?: number }): Promise<SimulatedBoot>
  /** Versions in boot order. */
  versions(): Promise<string[]>
}

/** A machine in memory with an empty disk. */
export async function machine(
  options: { relink?: boolean; parts?: Partial<BootcParts>; sysroot?: MemorySysroot } = {},
): Promise<Machine> {
  const transport = memoryTransport({ [stable.image.name]: images[0]! })
  const open = (sysroot: MemorySysroot) =>
    openBootc({
      sysroot,
      transports: [transport],
      stores: [memoryBackend({ relink: options.relink ?? false })],
      bootloaders: [memoryBootloader()],
      ...options.parts,
    })
  const sysroot = options.sysroot ?? memorySysroot()
  const self: Machine = {
    transport,
    sysroot,
    bootc: await open(sysroot),
    publish(version, name = stable.image.name) {
      transport.images.set(name, images[version - 1]!)
    },
    boot: () => simulateBoot(self.sysroot),
    async reboot({ finalize = true, entry } = {}) {
      if (finalize && self.sysroot.live) await self.bootc.finalize()
      const next = await simulateReboot(self.sysroot.disks, entry === undefined ? {} : { entry })
      self.sysroot = next.sysroot
      self.bootc = await open(next.sysroot)
      return next.boot
    },
    async versions() {
      const { order } = await self.bootc.status()
      return order.map(({ deployment }) => deployment.version ?? '')
    },
  }
  return self
}

/** Installed and running version 1. */
export async function runningMachine(options: Parameters<typeof machine>[0] = {}): Promise<Machine> {
  const made = await machine(options)
  await made.bootc.install({ source: stable, kargs: { root: ['root=LABEL=root', 'rw'] } })
  await made.reboot()
  return made
}
