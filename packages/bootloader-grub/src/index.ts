export { grubBootloader, type GrubOptions } from './provider.js'
export type { MenuMode } from './menu-wanted.js'
