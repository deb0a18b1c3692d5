export { describeTree, readAll, readText } from './read-tree.js'
export { fakeHost, type FakeHost, type FakeHostOptions } from './fake-host.js'
export { memoryDir, type MemoryDir } from './memory-dir.js'
export type { MemoryOptions } from './memory-fs.js'
export { memoryBackend } from './memory-store/memory-backend.js'
export { memoryBootloader } from './memory-bootloader.js'
export {
  memorySysroot,
  type MemoryDisks,
  type MemorySysroot,
  type MemorySysrootOptions,
} from './memory-sysroot.js'
export { powerCutDir, type PowerCutDir } from './power-cut-dir.js'
export { powerCutSysroot, type PowerCutSysroot, type SurvivingDisks } from './power-cut-sysroot.js'
export { PowerCut, powerSupply, type PowerSupply } from './power-supply.js'
export { seededRandom } from './seeded-random.js'
export { BootFailure, simulateBoot, type SimulatedBoot } from './simulate-boot/simulate-boot.js'
export { simulateReboot } from './simulate-boot/simulate-reboot.js'
export type { MenuEntry } from './simulate-boot/loaders.js'
export type { Survivor } from './survivors.js'
