export { parseKeyfile } from './keyfile.js'
export type { Keyfile } from './keyfile.js'
