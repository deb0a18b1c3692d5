import type { Dir } from '@bootc-sdk/core'

/**
 * A directory that is packed and thrown away. Nothing is made durable: it is gone before the machine could lose power and
 * come back to it, and writing all content to the medium twice would take as long as the rest. And there is no fs-verity,
 * which would stay behind.
 */
export function scratchDir(dir: Dir): Dir {
  const { enableVerity: _enable, measureVerity: _measure, ...rest } = dir
  return Object.freeze({
    ...rest,
    supports: Object.freeze({ ...dir.supports, verity: false }),
    sync: () => Promise.resolve(),
    sub: (path: string) => scratchDir(dir.sub(path)),
  })
}
