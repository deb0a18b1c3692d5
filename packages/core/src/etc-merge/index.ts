export { diffEtc, printEtcDiff } from './diff.js'
export { findEtcConflicts } from './conflicts.js'
export { mergeEtc, planEtcMerge } from './merge.js'
export type { EtcConflict, EtcDiff, EtcMergeReport, EtcOptions, EtcPolicy, EtcTrees } from './types.js'
