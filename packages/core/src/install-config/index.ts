export type * from './types.js'
export { mergeInstallConfigs } from './merge.js'
export { parseInstallConfig, type ParsedConfig } from './parse.js'
export { printInstallConfig } from './print.js'
export {
  installConfigDirectories,
  readInstallConfig,
  type ConfigDirectory,
  type LoadedInstallConfig,
} from './read.js'
