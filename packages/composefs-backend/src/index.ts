export type { ErofsVersion, ObjectId, VerityAlgorithm } from './format/types.js'
export type * from './repo/api.js'
