import type { Deployment } from '../../src/interfaces/index.js'
import type { HostEntry } from '../../src/orchestrate/host-state.js'

/** A deployment in its place, with only what the test is about. */
export function hostEntry(
  id: string,
  options: Partial<Omit<HostEntry, 'deployment'>> & { deployment?: Partial<Deployment> } = {},
): HostEntry {
  const { deployment, ...rest } = options
  return {
    id,
    kargs: ['root=LABEL=root'],
    extra: [],
    staged: false,
    locked: false,
    softRebootCapable: false,
    ...rest,
    deployment: {
      id,
      store: 'ostree',
      stateroot: 'default',
      incompatible: false,
      pinned: false,
      unlocked: 'none',
      bootDigest: 'aa',
      version: '1',
      backend: { ostree: { stateroot: 'default', checksum: 'c'.repeat(64), deploySerial: 0 } },
      ...deployment,
    },
  }
}

/** Several, with their indices. */
export function inOrder(...entries: HostEntry[]): HostEntry[] {
  return entries.map((entry, index) => ({ ...entry, index }))
}
