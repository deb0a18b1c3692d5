import { createHash } from 'node:crypto'
import type { ResolvedImage } from '@bootc-sdk/core'
import type { InstallToImageOptions } from './types.js'

/** What all UUIDs of the disk come from: the image, and what makes this disk differ from others with it. */
export function seedOf(image: ResolvedImage, options: InstallToImageOptions): string {
  const { install, customizations, disk = {} } = options
  if (disk.seed !== undefined) return disk.seed
  const { warnings: _, ...wishes } = customizations ?? { warnings: [] }
  const text = JSON.stringify([
    image.manifestDigest,
    install.store ?? '',
    install.bootloader ?? '',
    install.stateroot ?? '',
    install.kargs ?? {},
    wishes,
  ])
  return createHash('sha256').update(text).digest('hex')
}

/** When the image was created, in seconds; 1 where it does not say or says nonsense. */
export function epochOf(image: ResolvedImage): number {
  const created = Math.floor(Date.parse(image.config.created ?? '') / 1000)
  return Number.isSafeInteger(created) && created >= 1 && created <= 0xffffffff ? created : 1
}
