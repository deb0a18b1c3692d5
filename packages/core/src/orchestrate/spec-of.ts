import { followedImage } from './followed.js'
import type { HostState } from './host-state.js'
import type { HostSpec } from './types.js'

/** The specification that a state stands for. */
export function specOf(state: HostState): HostSpec {
  const image = followedImage(state)
  const bootOrder = state.rollbackQueued ? 'rollback' : 'default'
  return image === undefined ? { bootOrder } : { image, bootOrder }
}
