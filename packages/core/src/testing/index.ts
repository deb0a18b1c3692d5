export { memoryDir, type MemoryDir } from './memory-dir.js'
export type { MemoryOptions } from './memory-fs.js'
