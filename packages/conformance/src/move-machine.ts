import { openBootc, type Bootc, type Bootloader, type Provider, type StoreBackend } from '@bootc-sdk/core'
import {
  memoryDir,
  memorySysroot,
  memoryTransport,
  simulateReboot,
  type MemoryDisks,
  type MemorySysroot,
  type RootFollower,
  type SimulatedBoot,
} from '@bootc-sdk/core/testing'
import { copyDisks, followed } from './machine.js'
import { releaseImage } from './release-image.js'

export interface MoveMachineOptions {
  readonly from: () => Provider<StoreBackend>
  readonly to: () => Provider<StoreBackend>
  readonly bootloader: () => Provider<Bootloader>
  readonly roots?: readonly RootFollower[]
  readonly boot?: 'directory' | 'volume' | 'esp'
}

/** A machine that moves between two stores. */
export class MoveMachine {
  readonly transport = memoryTransport()
  readonly from: string
  readonly to: string
  boot!: SimulatedBoot
  sysroot!: MemorySysroot
  bootc!: Bootc

  private constructor(private readonly options: MoveMachineOptions) {
    this.from = options.from().name
    this.to = options.to().name
  }

  static async installed(options: MoveMachineOptions): Promise<MoveMachine> {
    const machine = new MoveMachine(options)
    machine.release(1)
    const sysroot = memorySysroot({
      root: memoryDir({ directories: (options.boot ?? 'directory') === 'directory' ? ['boot'] : [] }),
      boot: options.boot ?? 'directory',
    })
    const bootc = await machine.open(sysroot)
    await bootc.install({
      source: followed,
      store: machine.from,
      kargs: { root: ['root=LABEL=root', 'rw'] },
    })
    await machine.start(sysroot.disks)
    return machine
  }

  release(version: number): void {
    this.transport.images.set(followed.image.name, releaseImage(version))
  }

  async restart(): Promise<void> {
    await this.bootc.finalize()
    await this.start(this.sysroot.disks)
  }

  /** Directory of /var as the running system has it. */
  async writeVar(text: string): Promise<void> {
    const { booted } = await this.bootc.status()
    const store = await this.bootc.store(booted!.deployment.store)
    const path = await store.deployments.varDir!(booted!.id)
    await this.sysroot.root.sub(path!).write('kept', Buffer.from(text), { mode: 0o644 })
  }

  async snapshot(): Promise<unknown> {
    const { root, boot } = copyDisks(this.sysroot.disks)
    const names: string[] = []
    const walk = async (dir: typeof root, path: string): Promise<void> => {
      for await (const { name, stat } of dir.list(path)) {
        const child = path === '' ? name : `${path}/${name}`
        names.push(`${child} ${stat.type} ${stat.mode} ${stat.sizeBytes} ${stat.mtime}`)
        if (stat.type === 'directory') await walk(dir, child)
      }
    }
    await walk(root, '')
    if (boot !== undefined) await walk(boot, '')
    return names
  }

  private async start(disks: MemoryDisks): Promise<void> {
    const { roots } = this.options
    const { boot, sysroot } = await simulateReboot(disks, roots === undefined ? {} : { roots })
    this.boot = boot
    this.sysroot = sysroot
    this.bootc = await this.open(sysroot)
  }

  private open(sysroot: MemorySysroot): Promise<Bootc> {
    const { from, to, bootloader } = this.options
    return openBootc({
      sysroot,
      stores: [from(), to()],
      bootloaders: [bootloader()],
      transports: [this.transport],
      lockTimeoutMs: 0,
    })
  }
}
