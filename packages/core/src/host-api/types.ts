/** `org.containers.bootc/v1`, kind `BootcHost`: bootc 1.16's stable status document (bootc.md §5). */
export interface BootcHost {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: HostMetadata
  readonly spec: HostSpecDocument
  readonly status: HostStatus
}

export interface HostMetadata {
  readonly annotations?: Readonly<Record<string, string>>
  readonly labels?: Readonly<Record<string, string>>
  readonly name?: string
  readonly namespace?: string
}

export interface HostSpecDocument {
  readonly image: HostImageReference | null
  readonly bootOrder: 'default' | 'rollback'
}

export interface HostStatus {
  readonly staged: HostBootEntry | null
  readonly booted: HostBootEntry | null
  readonly rollback: HostBootEntry | null
  /** Left out when empty. */
  readonly otherDeployments?: readonly HostBootEntry[]
  readonly rollbackQueued: boolean
  /** `bootcHost`; more values may appear. */
  readonly type: string | null
  readonly usrOverlay: HostOverlay | null
  readonly readOnly: boolean
}

export interface HostBootEntry {
  readonly image: HostImageStatus | null
  readonly cachedUpdate: HostImageStatus | null
  readonly incompatible: boolean
  readonly pinned: boolean
  readonly softRebootCapable: boolean
  readonly downloadOnly: boolean
  readonly store: string | null
  readonly ostree: HostOstreeEntry | null
  readonly composefs: HostComposefsEntry | null
}

export interface HostOstreeEntry {
  readonly stateroot: string
  readonly checksum: string
  readonly deploySerial: number
}

export interface HostComposefsEntry {
  readonly verity: string
  readonly bootType: string
  readonly bootloader: string
  readonly bootDigest: string | null
  readonly missingVerityAllowed: boolean
}

export type HostSignature = 'containerPolicy' | 'insecure' | { readonly ostreeRemote: string }

export interface HostImageReference {
  readonly image: string
  readonly transport: string
  /** Left out when there is none. */
  readonly signature?: HostSignature
}

export interface HostImageStatus {
  readonly image: HostImageReference
  readonly version: string | null
  readonly timestamp: string | null
  readonly imageDigest: string
  readonly architecture: string
}

export interface HostOverlay {
  readonly accessMode: string
  readonly persistence: string
}
