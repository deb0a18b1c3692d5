export { nodeDir } from './node-dir.js'
export { getNative } from '../native/loader.js'
