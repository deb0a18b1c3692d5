import { BootcError } from '../errors.js'
import type { ResolvedImage, Warning } from '../interfaces/index.js'

const bootableLabels = ['containers.bootc', 'ostree.bootable'] as const

/**
 * Refuse images that were not made to be booted here (bootc.md §3). Looks at the config only.
 *
 * @param architecture OCI name, `arm64`
 * @throws BootcError `IMAGE_NOT_BOOTABLE`, `IMAGE_WRONG_ARCHITECTURE`
 */
export function checkBootable(
  image: Pick<ResolvedImage, 'config' | 'reference' | 'manifestDigest'>,
  architecture: string,
): Warning[] {
  const labels = image.config.config?.Labels ?? {}
  if (!bootableLabels.some((label) => Object.hasOwn(labels, label))) {
    throw new BootcError('IMAGE_NOT_BOOTABLE', 'Target image does not have ostree.bootable label', {
      details: { reference: image.reference.name, manifestDigest: image.manifestDigest },
    })
  }
  if (image.config.architecture !== architecture) {
    const actual = image.config.architecture
    throw new BootcError(
      'IMAGE_WRONG_ARCHITECTURE',
      `Image has architecture ${actual}; expected ${architecture}`,
      {
        details: { actual, expected: architecture, reference: image.reference.name },
      },
    )
  }
  if (labels['containers.bootc'] === '1') return []
  return [
    {
      code: 'image:label-missing',
      message: 'image is bootable but has no label containers.bootc=1',
      details: { reference: image.reference.name },
    },
  ]
}
