import { assembleSysroot, type MemoryDisks, type MemorySysroot } from './memory-sysroot.js'
import { powerCutDir } from './power-cut-dir.js'
import { powerSupply, type PowerSupply } from './power-supply.js'

/** Disks as found after a cut. /run is always gone. */
export interface SurvivingDisks {
  readonly name: string
  readonly disks: MemoryDisks
}

export interface PowerCutSysroot {
  readonly sysroot: MemorySysroot
  readonly supply: PowerSupply
  survivors(options?: { random?: number; seed?: number }): Promise<SurvivingDisks[]>
}

/**
 * A copy of a sysroot in memory with power that can be cut; the original stays as it is, so that every cut
 * starts from the same state. All volumes hang on one supply.
 */
export function powerCutSysroot(original: MemorySysroot): PowerCutSysroot {
  const supply = powerSupply()
  const memoryRun = original.memoryRun.snapshot()
  const rootDisk = original.disks.root.snapshot()
  const bootDisk = original.disks.boot?.snapshot()
  const espDisk = original.disks.esp?.snapshot()
  const run = powerCutDir(memoryRun, supply)
  const root = powerCutDir(rootDisk, supply)
  const boot = bootDisk && powerCutDir(bootDisk, supply)
  const esp = espDisk && powerCutDir(espDisk, supply)
  const { host, live, readOnly } = original
  const sysroot = assembleSysroot({
    host,
    live,
    readOnly,
    disks: {
      root: rootDisk,
      ...(bootDisk === undefined ? {} : { boot: bootDisk }),
      ...(espDisk === undefined ? {} : { esp: espDisk }),
    },
    memoryRun,
    volumes: {
      root: root.dir,
      run: run.dir,
      ...(boot === undefined ? {} : { boot: boot.dir }),
      ...(esp === undefined ? {} : { esp: esp.dir }),
    },
  })
  return {
    sysroot,
    supply,
    async survivors(options = {}) {
      const { seed = 1 } = options
      const roots = await root.survivors({ ...options, seed })
      const boots = await boot?.survivors({ ...options, seed: seed + 7919 })
      const esps = await esp?.survivors({ ...options, seed: seed + 15_838 })
      return roots.map(({ name, dir }, i) => {
        const bootDir = boots?.[i]?.dir
        const espDir = esps?.[i]?.dir
        const disks = {
          root: dir,
          ...(bootDir === undefined ? {} : { boot: bootDir }),
          ...(espDir === undefined ? {} : { esp: espDir }),
        }
        return { name, disks }
      })
    },
  }
}
