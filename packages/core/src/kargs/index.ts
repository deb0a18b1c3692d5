export { joinKargs, kargIdentity, parseKarg, sameKarg, sameKargKey, splitKargs } from './words.js'
export type { Karg } from './words.js'
export { deleteKargs, extendKargs, kargValues, removeKargKey, removeKargs, setKarg } from './algebra.js'
export {
  appendKarg,
  appendKargIfMissing,
  deleteKarg,
  deleteKargIfPresent,
  kargsOfProcCmdline,
  replaceKarg,
  replaceKargValue,
} from './ostree.js'
export { editKargs, parseKargsText } from './edit.js'
export type { KargsEdit } from './edit.js'
export {
  diffImageKargs,
  etcKargsDir,
  kargsDir,
  mergeImageKargs,
  parseKargsToml,
  readEtcKargs,
  readImageKargs,
} from './image-kargs.js'
export { inheritedRootKargs, installKargs } from './install-kargs.js'
export type { InstallKargs } from './install-kargs.js'
export {
  assertSourceName,
  forgetKept,
  kargSources,
  setKargSource,
  sourcedKargs,
  withKeys,
} from './sources.js'
export type { EntryKeys, OwnedKargs } from './sources.js'
