export type { Labeler } from './labeler.js'
