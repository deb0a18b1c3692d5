import type { DeploymentImage, UnlockedState } from '../../src/interfaces/index.js'
import type { SignedImageReference } from '../../src/oci/reference.js'
import type { HostEntry, HostState } from '../../src/orchestrate/host-state.js'
import { assignSlots } from '../../src/orchestrate/slots.js'
import { hostEntry, inOrder } from '../orchestrate/entries.js'

export const edge: SignedImageReference = {
  image: { transport: 'registry', name: 'registry.lan/fleet/edge:2.x' },
  signature: { kind: 'insecure' },
}

export function image(hex: string, version: string, created: string): DeploymentImage {
  return {
    manifestDigest: `sha256:${hex.repeat(64)}`,
    configDigest: `sha256:${'e'.repeat(64)}`,
    version,
    created,
    architecture: 'arm64',
  }
}

export const booted = hostEntry('booted', {
  deployment: {
    origin: edge,
    pinned: true,
    image: image('7', '2.4.0', '2026-02-11T07:00:00Z'),
    backend: { ostree: { stateroot: 'default', checksum: '4'.repeat(64), deploySerial: 2 } },
  },
})

export const staged = hostEntry('staged', {
  staged: true,
  locked: true,
  softRebootCapable: true,
  deployment: {
    origin: edge,
    image: image('1', '2.4.1', '2026-03-02T09:30:00.250000000+01:00'),
    backend: { ostree: { stateroot: 'default', checksum: '9'.repeat(64), deploySerial: 0 } },
  },
})

/** A state as it is loaded from these entries. */
export function stateOf(
  order: readonly HostEntry[],
  roles: { booted?: string; staged?: HostEntry; unlocked?: UnlockedState } = {},
): HostState {
  const placed = inOrder(...order)
  const running = placed.find(({ id }) => id === roles.booted)
  return {
    live: running !== undefined,
    readOnly: false,
    store: 'ostree',
    bootloader: 'grub',
    bootVersion: 0,
    order: placed,
    ...(placed[0] === undefined ? {} : { defaultEntry: placed[0] }),
    ...(running === undefined ? {} : { booted: running }),
    ...assignSlots(placed, running, roles.staged),
    unlocked: roles.unlocked ?? 'none',
    orphans: [],
  }
}
