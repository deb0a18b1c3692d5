export { fakeHost, type FakeHost, type FakeHostOptions } from './fake-host.js'
export { memoryDir, type MemoryDir } from './memory-dir.js'
export type { MemoryOptions } from './memory-fs.js'
export { memorySysroot, type MemorySysroot, type MemorySysrootOptions } from './memory-sysroot.js'
