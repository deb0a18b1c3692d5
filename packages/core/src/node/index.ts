export { getNative, nativeStatus } from '../native/loader.js'
export { nodeDir } from './node-dir.js'
export { nodeHost, type NodeHostOptions } from './node-host.js'
export { nodeSysroot, type NodeSysrootOptions } from './node-sysroot.js'
