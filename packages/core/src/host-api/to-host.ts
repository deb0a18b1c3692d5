import type { Deployment, UnlockedState } from '../interfaces/index.js'
import { printTransport } from '../oci/index.js'
import type { SignatureSource, SignedImageReference } from '../oci/reference.js'
import { imageCreated, imageVersion } from '../orchestrate/image-facts.js'
import type { HostEntry, HostState } from '../orchestrate/host-state.js'
import { specOf } from '../orchestrate/spec-of.js'
import { healingOf } from './healing.js'
import type {
  BootcHost,
  HostBootEntry,
  HostComposefsEntry,
  HostImageReference,
  HostImageStatus,
  HostOstreeEntry,
  HostOverlay,
  HostSignature,
} from './types.js'

export const hostApiVersion = 'org.containers.bootc/v1'
export const hostKind = 'BootcHost'

/**
 * The state of a sysroot as bootc's status document, in declaration order of its members (YAML prints it so).
 * On a sysroot that is not running, `booted` is null and the default comes first among the others.
 */
export function toBootcHost(state: HostState): BootcHost {
  const spec = specOf(state)
  const asEntry = (entry: HostEntry): HostBootEntry => ({
    ...toEntry(entry, loaderOf(state)),
    ...(entry.id === state.softRebootTarget ? { softRebootQueued: true } : {}),
  })
  const others = [...defaultOf(state), ...state.others].map(asEntry)
  const booted = nullable(state.booted, asEntry)
  const healing = healingOf(state)
  return {
    apiVersion: hostApiVersion,
    kind: hostKind,
    metadata: { name: 'host' },
    spec: {
      image: spec.image === undefined ? null : toReference(spec.image),
      bootOrder: spec.bootOrder,
    },
    status: {
      staged: nullable(state.staged, asEntry),
      booted,
      rollback: nullable(state.rollback, asEntry),
      ...(others.length === 0 ? {} : { otherDeployments: others }),
      rollbackQueued: state.rollbackQueued,
      type: booted === null || booted.image === null ? null : 'bootcHost',
      usrOverlay: overlayOf(state.unlocked),
      readOnly: state.readOnly,
      ...(healing === undefined ? {} : { healing }),
    },
  }
}

/** `bootc status --booted`: without what is staged or could be rolled back to. */
export function onlyBooted(host: BootcHost): BootcHost {
  return { ...host, status: { ...host.status, staged: null, rollback: null } }
}

/** Status of a system that bootc knows nothing about. */
export function emptyHost(): BootcHost {
  return {
    apiVersion: hostApiVersion,
    kind: hostKind,
    metadata: { name: 'host' },
    spec: { image: null, bootOrder: 'default' },
    status: {
      staged: null,
      booted: null,
      rollback: null,
      rollbackQueued: false,
      type: null,
      usrOverlay: null,
      readOnly: false,
    },
  }
}

export function toReference({ image, signature }: SignedImageReference): HostImageReference {
  const mode = toSignature(signature)
  return {
    image: image.name,
    transport: printTransport(image.transport)
      .replace(/^docker:\/\/$/, 'registry')
      .replace(/:$/, ''),
    ...(mode === undefined ? {} : { signature: mode }),
  }
}

function defaultOf(state: HostState): HostEntry[] {
  return state.booted === undefined && state.defaultEntry !== undefined ? [state.defaultEntry] : []
}

function toEntry(entry: HostEntry, loader: string | undefined): HostBootEntry {
  const { deployment } = entry
  const { ostree, composefs } = deployment.backend as {
    ostree?: HostOstreeEntry
    composefs?: Omit<HostComposefsEntry, 'bootloader'>
  }
  const image = deployment.incompatible ? null : imageOf(deployment)
  return {
    image,
    cachedUpdate: image === null ? null : cachedUpdateOf(deployment, image),
    incompatible: deployment.incompatible,
    pinned: deployment.pinned,
    softRebootCapable: entry.softRebootCapable,
    downloadOnly: entry.locked,
    store: ostree === undefined || image === null ? null : 'ostreeContainer',
    ostree: ostree ?? null,
    composefs: composefs === undefined ? null : toComposefs(composefs, loader),
  }
}

/** Names of loaders that bootc spells differently, or knows at all. */
const loaderNames: Readonly<Record<string, string>> = {
  grub: 'grub',
  'grub-cc': 'grub-cc',
  'systemd-boot': 'systemd',
}

/** The one that runs, as bootc reads its name; where it has not said it, the one that entries are written for. */
function loaderOf({ bootloader, runningLoader }: HostState): string | undefined {
  if (runningLoader === undefined) return bootloader
  const info = runningLoader.info.toLowerCase()
  return info.includes('systemd-boot') ? 'systemd-boot' : info.includes('grub cc') ? 'grub-cc' : 'grub'
}

/** The store knows all but the loader. */
function toComposefs(
  { verity, bootType, bootDigest, missingVerityAllowed }: Omit<HostComposefsEntry, 'bootloader'>,
  loader: string | undefined,
): HostComposefsEntry {
  const bootloader = loaderNames[loader ?? ''] ?? 'none'
  return { verity, bootType, bootloader, bootDigest, missingVerityAllowed }
}

function imageOf({ image, origin }: Deployment): HostImageStatus | null {
  if (image === undefined || origin === undefined) return null
  return {
    image: toReference(origin),
    version: image.version ?? null,
    timestamp: toTimestamp(image.created),
    imageDigest: image.manifestDigest,
    architecture: image.architecture,
  }
}

function cachedUpdateOf({ image }: Deployment, booted: HostImageStatus): HostImageStatus | null {
  const update = image?.cachedUpdate
  if (update === undefined) return null
  return {
    image: booted.image,
    version: imageVersion(update.config) ?? null,
    timestamp: toTimestamp(imageCreated(update.config)),
    imageDigest: update.manifestDigest,
    architecture: update.config.architecture,
  }
}

/** RFC 3339 in UTC without a needless fraction, as bootc prints it; null for what is no time. */
function toTimestamp(created: string | undefined): string | null {
  if (created === undefined) return null
  const parts = /^(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/.exec(created)
  if (parts === null) return null
  const time = Date.parse(`${parts[1] as string}T${parts[2] as string}${parts[4] as string}`)
  if (Number.isNaN(time)) return null
  const fraction = (parts[3] ?? '').replace(/\.?0+$/, '')
  return `${new Date(time).toISOString().slice(0, 19)}${fraction}Z`
}

function toSignature(source: SignatureSource): HostSignature | undefined {
  // "insecure" is the state of a reference that says nothing, and bootc leaves it out.
  if (source.kind === 'insecure') return undefined
  return source.kind === 'containerPolicy' ? 'containerPolicy' : { ostreeRemote: source.remote }
}

function overlayOf(unlocked: UnlockedState): HostOverlay | null {
  switch (unlocked) {
    case 'none':
      return null
    case 'development':
      return { accessMode: 'readWrite', persistence: 'transient' }
    case 'hotfix':
      return { accessMode: 'readWrite', persistence: 'persistent' }
    case 'transient':
      return { accessMode: 'readOnly', persistence: 'transient' }
  }
}

function nullable<T, U>(value: T | undefined, map: (value: T) => U): U | null {
  return value === undefined ? null : map(value)
}
