import { endianness } from 'node:os'
import { BootcError } from '../errors.js'
import type { Warning } from '../interfaces/common.js'
import { isIndexMediaType, isManifestMediaType, mediaTypes } from './media-types.js'
import type { Descriptor, ImageConfig, ImageIndex, Platform } from './types.js'

/** Variants that run older code, best first. @see containers/image 5.34 internal/pkg/platform */
const compatibleVariants: Readonly<Record<string, readonly string[]>> = {
  arm: ['v8', 'v7', 'v6', 'v5'],
  arm64: ['v8'],
}

const zstdAnnotation = 'io.github.containers.compression.zstd'

/** Go's name of a Node architecture: `x64` is `amd64`. */
export function goArchitecture(nodeArch: string): string {
  switch (nodeArch) {
    case 'x64':
      return 'amd64'
    case 'ia32':
      return '386'
    case 'ppc64':
      return endianness() === 'LE' ? 'ppc64le' : 'ppc64'
    default:
      return nodeArch
  }
}

/**
 * The platform of this machine.
 *
 * @param cpuinfo /proc/cpuinfo, for the variant of 32- and 64-bit ARM; without it no variant is asked for
 */
export function hostPlatform(nodeArch: string = process.arch, cpuinfo?: string): Platform {
  const architecture = goArchitecture(nodeArch)
  const variant = architecture.startsWith('arm') && cpuinfo !== undefined ? armVariant(cpuinfo) : undefined
  return { architecture, os: 'linux', ...(variant === undefined ? {} : { variant }) }
}

/**
 * The instance of an index for a platform: operating system, architecture and variant must be equal, older
 * compatible variants follow the wanted one, then instances without a variant; instances that name no platform
 * come last. Among equals one with zstd layers wins, then the first.
 *
 * @throws BootcError `IMAGE_PLATFORM_MISSING`
 */
export function choosePlatform(index: ImageIndex, wanted: Platform): Descriptor {
  const variants = wantedVariants(wanted)
  // Docker's lists have no such annotation.
  const isOci = index.mediaType !== mediaTypes.dockerManifestList
  let best: { descriptor: Descriptor; rank: number } | undefined
  for (const descriptor of index.manifests) {
    const { mediaType, platform } = descriptor
    if (!isManifestMediaType(mediaType) && !isIndexMediaType(mediaType)) continue
    const place = platform ? placeOf(platform, wanted, variants) : variants.length
    if (place < 0) continue
    const isZstd = isOci && descriptor.annotations?.[zstdAnnotation] === 'true'
    const rank = place * 2 + (isZstd ? 0 : 1)
    if (best === undefined || rank < best.rank) best = { descriptor, rank }
  }
  if (best !== undefined) return best.descriptor
  const available = index.manifests.map(({ platform }) => printPlatform(platform))
  throw new BootcError('IMAGE_PLATFORM_MISSING', `image index has no image for ${printPlatform(wanted)}`, {
    details: { wanted: printPlatform(wanted), available },
  })
}

/** A config that contradicts the index entry which led to it. */
export function platformWarnings(chosen: Platform | undefined, config: ImageConfig): Warning[] {
  if (chosen === undefined) return []
  if (chosen.architecture === config.architecture && chosen.os === config.os) return []
  const details = { index: printPlatform(chosen), config: `${config.os}/${config.architecture}` }
  return [
    {
      code: 'image:platform-mismatch',
      message: `index says ${details.index}, image config says ${details.config}`,
      details,
    },
  ]
}

/** `linux/arm64/v8`. */
export function printPlatform(platform: Platform | undefined): string {
  if (!platform) return 'unknown'
  const { os, architecture, variant } = platform
  return [os, architecture, ...(variant ? [variant] : [])].join('/')
}

function placeOf(platform: Platform, wanted: Platform, variants: readonly string[]): number {
  if (platform.os !== wanted.os || platform.architecture !== wanted.architecture) return -1
  return variants.indexOf(platform.variant ?? '')
}

/** In order of preference; `''` stands for no variant. */
function wantedVariants({ architecture, variant }: Platform): readonly string[] {
  const compatible = compatibleVariants[architecture] ?? []
  if (!variant) return ['', ...compatible]
  const from = compatible.indexOf(variant)
  return from < 0 ? [variant, ''] : [...compatible.slice(from), '']
}

function armVariant(cpuinfo: string): string | undefined {
  const architecture = /^CPU architecture\s*:\s*(\S+)/m.exec(cpuinfo)?.[1]?.toLowerCase()
  if (architecture === 'aarch64' || architecture === '8') return 'v8'
  // The ARMv6 of the first Raspberry Pi calls itself 7.
  if (architecture === '7' && /^model name\s*:\s*ARMv6-compatible/im.test(cpuinfo)) return 'v6'
  const digit = /^[567]/.exec(architecture ?? '')?.[0]
  return digit === undefined ? undefined : `v${digit}`
}

/** What a config says that its image runs on, as a member for descriptors; nothing for artifacts, which run on nothing. */
export function configPlatform({ architecture, os, variant }: ImageConfig): { readonly platform?: Platform } {
  if (!architecture || !os) return {}
  return { platform: { architecture, os, ...(variant ? { variant } : {}) } }
}
