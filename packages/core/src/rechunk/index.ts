export { rechunkImage } from './rechunk-image.js'
export { layerTitle } from './documents.js'
export type { Group } from './groups.js'
export type { LayerRole } from './layer-plan.js'
export { groupsAnnotation, roleAnnotation } from './previous.js'
export type {
  ImagePlace,
  LayerCompressionName,
  RechunkedLayer,
  RechunkEvent,
  RechunkOptions,
  RechunkResult,
} from './types.js'
