import type { Host } from '@bootc-sdk/core'
import { makeExt4 } from '../ext4/make-ext4.js'
import { makeVfat } from '../vfat/make-vfat.js'
import type { Formatters } from './formatters.js'

/** The distribution's own: e2fsprogs, dosfstools, mtools. None of them needs root, a loop device or a mount. */
export function hostFormatters(host: Pick<Host, 'run'>): Formatters {
  return Object.freeze<Formatters>({
    ext4: (...args) => makeExt4(host, ...args),
    vfat: (...args) => makeVfat(host, ...args),
  })
}
