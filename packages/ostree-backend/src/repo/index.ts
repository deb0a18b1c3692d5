export type * from './api.js'
export { initRepo, openRepo, type InitRepoOptions, type OpenRepoOptions } from './open-repo.js'
export { mirrorRef } from './ref-files.js'
export { listMirrorRefs } from './refs.js'
export { configFlag } from './config.js'
export { setAlias } from './alias.js'
export { listRemotes } from './repo.js'
export { requireRev } from './require-rev.js'
export { readSummary, updateSummary } from './summary-file.js'
export { commitTree, commitTrees, writeTrees, type CommitOptions, type CommitSource } from './commit-tree.js'
export { parseSkipList, parseStatOverride, type ModifierOptions } from './commit-modifier.js'
export { diffCommits, formatDiff, type TreeDiff } from './diff.js'
export { fsckRepo, type FsckOptions, type FsckProblem, type FsckReport } from './fsck.js'
export {
  catFile,
  formatLogEntry,
  formatTreeEntry,
  logCommits,
  lsTree,
  type LogEntry,
  type TreeEntry,
} from './listing.js'
export { pullLocal, type CommitCheck, type PullOptions, type PullResult } from './pull.js'
export { pullRemote, type PullRemoteOptions, type PullVerifier } from './pull-http.js'
