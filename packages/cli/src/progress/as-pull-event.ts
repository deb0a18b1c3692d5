import type { CopyEvent, ProgressEvent } from '@bootc-sdk/core'
import type { RechunkEvent } from '@bootc-sdk/core/rechunk'
import type { EncapsulateEvent } from '@bootc-sdk/ostree-backend'
import { printable } from '../format.js'

/** Bars know layers: what is copied or made becomes one. A layer that is made is called after what a file says. */
export function asPullEvent(event: CopyEvent | RechunkEvent | EncapsulateEvent): ProgressEvent {
  switch (event.type) {
    case 'copy:blob':
    case 'rechunk:read':
      return { type: 'pull:layer', detail: event.detail }
    case 'rechunk:write': {
      const { layer, layers, bytes, totalBytes, cachedBytes } = event.detail
      return { type: 'pull:layer', detail: { id: `make ${layer}/${layers}`, bytes, totalBytes, cachedBytes } }
    }
    case 'encapsulate:layer':
      return { type: 'pull:layer', detail: { ...event.detail, id: printable(event.detail.id) } }
    default:
      return event
  }
}
