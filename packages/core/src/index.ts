export * from './errors.js'
export type * from './progress.js'
export type * from './interfaces/index.js'
export type * from './oci/types.js'
export type * from './oci/reference.js'
export {
  parseImageReference,
  parseSignedReference,
  printImageReference,
  printSignedReference,
} from './oci/index.js'
export * from './orchestrate/index.js'
export * from './bound-images/index.js'
