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
  /** Not of bootc: trials and failures. Left out when there are none; not read back by `parseBootcHost`. */
  readonly healing?: HostHealing
}

/** Each member is left out when it is empty. */
export interface HostHealing {
  readonly trials?: readonly HostTrial[]
  /** Images that failed here and are not staged again, newest last. */
  readonly failed?: readonly HostFailure[]
  readonly finalizeFailure?: { readonly message: string; readonly timestamp?: string }
  /** Why nothing is known. */
  readonly problem?: string
}

export interface HostHealingImage {
  /** Id of the deployment. */
  readonly deployment: string
  readonly image?: string
  readonly version?: string
  readonly imageDigest?: string
}

export interface HostTrial extends HostHealingImage {
  readonly timestamp: string
  readonly tries: number
  /** Boots that it has left; left out while the trial rests behind a rollback. */
  readonly triesLeft?: number
  /** Why the last boot that was checked did not pass. */
  readonly reason?: string
}

export interface HostFailure extends HostHealingImage {
  readonly timestamp: string
  readonly boots: number
  readonly reason: string
}

export interface HostBootEntry {
  readonly image: HostImageStatus | null
  readonly cachedUpdate: HostImageStatus | null
  readonly incompatible: boolean
  readonly pinned: boolean
  readonly softRebootCapable: boolean
  /** Not of bootc: its root is prepared, so that the next reboot is a soft one. Absent otherwise. */
  readonly softRebootQueued?: true
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
