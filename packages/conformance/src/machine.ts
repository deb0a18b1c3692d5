import {
  openBootc,
  type Bootc,
  type Bootloader,
  type Provider,
  type SignedImageReference,
  type StoreBackend,
} from '@bootc-sdk/core'
import {
  memoryDir,
  memorySysroot,
  memoryTransport,
  simulateBoot,
  simulateReboot,
  type BuiltImage,
  type MemoryDisks,
  type MemorySysroot,
  type MemoryTransport,
  type RootFollower,
  type SimulatedBoot,
} from '@bootc-sdk/core/testing'

/** A store and a loader to be tried together. */
export interface Pair {
  readonly store: () => Provider<StoreBackend>
  readonly bootloader: () => Provider<Bootloader>
  /** How its root arguments are followed, where core/testing does not know them. */
  readonly roots?: readonly RootFollower[]
  /**
   * `directory` (default): /boot is part of the root; `volume`: a file system of its own; `esp`: that is the EFI
   * system partition, and FAT.
   */
  readonly boot?: 'directory' | 'volume' | 'esp'
  /** An EFI system partition beside /boot. */
  readonly esp?: boolean
  /** `false`: the EFI system partition cannot exchange two names. */
  readonly espExchange?: boolean
}

/** What machines follow in these suites. */
export const followed: SignedImageReference = {
  signature: { kind: 'insecure' },
  image: { transport: 'registry', name: 'registry.test/os:stable' },
}

export const otherImage: SignedImageReference = {
  signature: { kind: 'insecure' },
  image: { transport: 'registry', name: 'registry.test/other:stable' },
}

/** A registry and the pair; hands out machines. */
export class Lab {
  readonly transport: MemoryTransport = memoryTransport()

  constructor(readonly pair: Pair) {}

  /** Let the tag that machines follow name this image. */
  release(image: BuiltImage, reference: SignedImageReference = followed): void {
    this.transport.images.set(reference.image.name, image)
  }

  bootc(sysroot: MemorySysroot): Promise<Bootc> {
    const { store, bootloader } = this.pair
    const parts = { stores: [store()], bootloaders: [bootloader()], transports: [this.transport] }
    return openBootc({ ...parts, sysroot, lockTimeoutMs: 0 })
  }

  emptySysroot(): MemorySysroot {
    const { boot = 'directory', esp = false, espExchange: exchange = true } = this.pair
    const fat = () => memoryDir({ fat: true, supports: { exchange } })
    return memorySysroot({
      root: memoryDir({ directories: boot === 'directory' ? ['boot'] : [] }),
      boot: boot === 'esp' ? fat() : boot,
      ...(esp ? { esp: fat() } : {}),
    })
  }

  /** Install the followed image on empty disks. */
  async install(): Promise<MemoryDisks> {
    const sysroot = this.emptySysroot()
    const bootc = await this.bootc(sysroot)
    await bootc.install({ source: followed, kargs: { root: ['root=LABEL=root', 'rw'] } })
    return sysroot.disks
  }

  /** What would come up now. @throws BootFailure */
  wouldBoot(sysroot: MemorySysroot, entry = 0): Promise<SimulatedBoot> {
    return simulateBoot(sysroot, { entry, roots: this.pair.roots })
  }

  /**
   * @param entry place in the menu, as somebody at the machine may choose it
   * @throws BootFailure
   */
  async boot(disks: MemoryDisks, entry = 0): Promise<Running> {
    const { boot, sysroot } = await simulateReboot(disks, { entry, roots: this.pair.roots })
    return { boot, sysroot, bootc: await this.bootc(sysroot) }
  }
}

/** A machine that is up. */
export interface Running {
  readonly boot: SimulatedBoot
  readonly sysroot: MemorySysroot
  readonly bootc: Bootc
}

/** What an administrator does to the /etc of a running machine. */
export async function editEtc({ boot, sysroot }: Running): Promise<void> {
  const etc = sysroot.root.sub(`${boot.deployment}/etc`)
  await etc.write('hostname', Buffer.from('machine-1\n'), { mode: 0o644 })
  await etc.write('local.conf', Buffer.from('made here\n'), { mode: 0o600 })
  await etc.remove('removed-by-admin')
  await sysroot.root.sync()
}

/** Shut down and start again: finalize what is staged, then boot. */
export async function restart(lab: Lab, running: Running): Promise<Running> {
  await running.bootc.finalize()
  return lab.boot(running.sysroot.disks)
}

export function copyDisks(disks: MemoryDisks): MemoryDisks {
  const { root, boot, esp } = disks
  return {
    root: root.snapshot(),
    ...(boot === undefined ? {} : { boot: boot.snapshot() }),
    ...(esp === undefined ? {} : { esp: esp.snapshot() }),
  }
}
