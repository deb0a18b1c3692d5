import { closeSync, constants, openSync } from 'node:fs'
import { fdCalls } from './fd-calls.js'
import type { NodeRoot, Place } from './place.js'

/** FS_IMMUTABLE_FL of a file or directory. */
export function setImmutable(root: NodeRoot, place: Place, immutable: boolean): void {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants
  const fd = openSync(place.path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
  try {
    fdCalls(root.native)!.setImmutable(fd, immutable)
  } finally {
    closeSync(fd)
  }
}
