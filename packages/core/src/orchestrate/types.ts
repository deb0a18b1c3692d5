import type { Codec } from '../codec/index.js'
import type {
  BoundImageStore,
  Bootloader,
  DeploymentId,
  Digest,
  ImageTransport,
  Logger,
  OpOptions,
  Provider,
  PruneResult,
  SignaturePolicy,
  StoreBackend,
  Sysroot,
  Warning,
} from '../interfaces/index.js'
import type { SignedImageReference } from '../oci/reference.js'
import type { BoundImagesResult, BoundImageState } from './bound-types.js'
import type { HostState } from './host-state.js'
import type { InstallOptions, InstallResult } from './install-types.js'
import type { BootOnceResult, EntryFacts, KargsEditOptions, KargsFacts, KargsResult } from './kargs-types.js'
import type { LoaderStatus, LoaderUpdateResult } from './loader-types.js'
import type { MovePlan, MoveStoreOptions } from './move-store.js'
import type { PullResult } from './pull-types.js'
import type { BootCheckOptions, BootCheckResult, FailedFacts } from './trial-types.js'

/** Everything an orchestration runs on. Registration is by argument; order is preference. */
export interface BootcParts {
  readonly sysroot: Sysroot
  readonly transports: readonly ImageTransport[]
  readonly stores: readonly Provider<StoreBackend>[]
  readonly bootloaders: readonly Provider<Bootloader>[]
  /** Default: accepts `insecure` and refuses every other source. */
  readonly policy?: SignaturePolicy
  /** Default: native where it loads, else JS. */
  readonly codec?: Codec
  readonly logger?: Logger
  /** Container images that come with the system; without it images that ask for some are refused. */
  readonly boundImages?: BoundImageStore
  /** Layers in flight during a pull; default 2. */
  readonly concurrency?: number
  /** How long to wait for other writers, in milliseconds; default: for ever. */
  readonly lockTimeoutMs?: number
}

/** Facts about an image that an operation saw. */
export interface ImageFacts {
  readonly reference: SignedImageReference
  readonly manifestDigest: Digest
  readonly configDigest: Digest
  readonly version?: string
  /** RFC 3339. */
  readonly created?: string
  readonly architecture: string
}

/** Layers of one image against those of another, as bootc prints them. */
export interface LayerDiff {
  readonly total: { readonly count: number; readonly bytes: number }
  readonly removed: { readonly count: number; readonly bytes: number }
  readonly added: { readonly count: number; readonly bytes: number }
}

/** What upgrade, switch and edit ended with. Stable words. */
export type ChangeOutcome =
  /** Nothing newer than what boots already. */
  | 'up-to-date'
  /** `check`: something newer is there; nothing was changed. */
  | 'update-available'
  /** Waits for the next shutdown. */
  | 'staged'
  /** Staged, and locked until told otherwise. */
  | 'downloaded'
  /** The same image was staged before; `lockChanged` tells whether its lock changed. */
  | 'already-staged'
  /** Is now the default of a sysroot that is not running. */
  | 'deployed'
  /** switch and edit: the specification is what it was. */
  | 'unchanged'
  /** The newest image is one that failed here (`failed` has when and why); nothing was changed. */
  | 'known-bad'

/** Plain data. */
export interface ChangeResult {
  readonly outcome: ChangeOutcome
  /** What the operation was about; absent for `fromDownloaded` of an image the store has forgotten. */
  readonly image?: ImageFacts
  /** The new (or already staged) deployment. */
  readonly deployment?: DeploymentId
  /** With `already-staged`. */
  readonly lockChanged?: 'locked' | 'unlocked'
  /** Against the booted (else default) image, when it is known. */
  readonly layerDiff?: LayerDiff
  /** What was fetched; absent when nothing was. */
  readonly pull?: PullResult
  readonly pruned?: PruneResult
  /** Container images that come with the new deployment; absent when there are none. */
  readonly boundImages?: BoundImagesResult
  readonly etc?: EtcSummary
  readonly warnings: readonly Warning[]
  /** A reboot was asked for with `apply` (it has been requested from the host). */
  readonly rebootRequested: boolean
  /** The next reboot is a soft one. */
  readonly softReboot?: boolean
  /** With `known-bad`. */
  readonly failed?: FailedFacts
}

/** How many paths of /etc differ from the defaults, and so were (or will be) carried over. */
export interface EtcSummary {
  readonly modified: number
  readonly removed: number
  readonly added: number
}

/**
 * Restart user space alone where kernel, kernel arguments and SELinux policy stay: `required` fails where they do not,
 * `auto` then leaves it at a reboot.
 */
export type SoftRebootMode = 'required' | 'auto'

/** Plain data. */
export interface SoftRebootResult {
  /** False: nothing was prepared, so that there was nothing to take back. */
  readonly changed: boolean
  /** That was prepared, or is no longer. */
  readonly deployment?: DeploymentId
  readonly warnings: readonly Warning[]
  readonly rebootRequested: boolean
}

export interface UpgradeOptions extends OpOptions {
  /** Only look: manifest and config, no layers. Remembered in the store. */
  readonly check?: boolean
  /** Reboot when something waits for it. */
  readonly apply?: boolean
  /** Stage locked: not applied at the next shutdown unless unlocked before. */
  readonly downloadOnly?: boolean
  /** Unlock what is staged; no network. */
  readonly fromDownloaded?: boolean
  /** Same repository, other tag; followed from then on. */
  readonly tag?: string
  /** Try an image again that failed its trial here; its failure is forgotten. */
  readonly retryFailed?: boolean
  /** Prepare a soft reboot into what is staged; with `apply` it is one. Not with `check` and `downloadOnly`. */
  readonly softReboot?: SoftRebootMode | undefined
}

export interface SwitchOptions extends OpOptions {
  readonly apply?: boolean
  /** Keep groups and keys of an origin that other tools wrote. */
  readonly retain?: boolean
  readonly softReboot?: SoftRebootMode | undefined
}

export interface RollbackOptions extends OpOptions {
  /** Throw a staged deployment away; without it `DEPLOY_STAGED` is thrown when there is one. */
  readonly discardStaged?: boolean
  readonly apply?: boolean
  readonly softReboot?: SoftRebootMode | undefined
}

export interface RollbackResult {
  /** What boots next; `current` when a queued rollback was taken back. */
  readonly next: 'rollback' | 'current'
  /** The order had been turned before and was turned back. */
  readonly reverted: boolean
  readonly deployment: DeploymentId
  readonly discardedStaged?: DeploymentId
  /** The next reboot is a soft one. */
  readonly softReboot?: boolean
  readonly warnings: readonly Warning[]
  readonly rebootRequested: boolean
}

/** The part of a BootcHost document that can be edited. */
export interface HostSpec {
  readonly image?: SignedImageReference | undefined
  readonly bootOrder: 'default' | 'rollback'
}

export type ApplySpecResult =
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'rollback'; readonly result: RollbackResult }
  | { readonly kind: 'image'; readonly result: ChangeResult }

/** `locked` and `nothing-staged` change nothing. */
export interface FinalizeResult {
  readonly outcome: 'finalized' | 'nothing-staged' | 'locked'
  readonly deployment?: DeploymentId
  readonly etc?: EtcSummary
  readonly warnings: readonly Warning[]
}

export interface PinResult {
  readonly deployment: DeploymentId
  readonly pinned: boolean
  readonly changed: boolean
}

/**
 * A sysroot with everything that runs on it. Every writer takes the sysroot's lock, then the store's;
 * `status` takes none. Expected ends are results, failures are BootcErrors, abort rejects with the signal's
 * reason as long as nothing visible has changed (after that the operation ends and reports warnings).
 */
export interface Bootc {
  readonly sysroot: Sysroot
  status(options?: OpOptions): Promise<HostState>
  install(options: InstallOptions): Promise<InstallResult>
  upgrade(options?: UpgradeOptions): Promise<ChangeResult>
  switch(target: SignedImageReference, options?: SwitchOptions): Promise<ChangeResult>
  /** What `moveToStore` would do; changes nothing. */
  planMove(store: string, options?: MoveStoreOptions): Promise<MovePlan>
  /** Deploy what is followed from another store (`switch --store`); the old deployments stay for rollback. */
  moveToStore(store: string, options?: MoveStoreOptions): Promise<ChangeResult>
  rollback(options?: RollbackOptions): Promise<RollbackResult>
  /** Make the host follow an edited specification (`bootc edit`). */
  applySpec(spec: HostSpec, options?: OpOptions): Promise<ApplySpecResult>
  /** Run at shutdown: make what is staged the default. Repeatable. */
  finalize(options?: OpOptions): Promise<FinalizeResult>
  /**
   * Prepare a soft reboot into a deployment.
   *
   * @throws BootcError `DEPLOY_SOFT_REBOOT_REFUSED`, `DEPLOY_SOFT_REBOOT_FAILED`
   */
  prepareSoftReboot(
    id: DeploymentId,
    options?: OpOptions & { readonly apply?: boolean },
  ): Promise<SoftRebootResult>
  /** Take back what was prepared for one. */
  resetSoftReboot(options?: OpOptions): Promise<SoftRebootResult>
  prune(options?: OpOptions): Promise<PruneResult>
  /**
   * Judge the running system (`bootc-sdk boot-check`): end its trial, or write down why it failed; and find out
   * whether the machine has fallen back from another.
   */
  bootCheck(options: BootCheckOptions): Promise<BootCheckResult>
  pin(id: DeploymentId, pinned: boolean, options?: OpOptions): Promise<PinResult>
  /** Kernel arguments of what boots next: of the staged deployment, else the booted, else the default one. */
  kargs(options?: OpOptions): Promise<KargsFacts>
  /** Change them by hand (`bootc-sdk kargs`). */
  editKargs(options: KargsEditOptions): Promise<KargsResult>
  /** Let a source own exactly these; none: drop the source (`loader-entries set-options-for-source`). */
  setKargsForSource(source: string, kargs: string | undefined, options?: OpOptions): Promise<KargsResult>
  /** The boot loader itself, beside what the system's image brings. */
  loaderStatus(options?: OpOptions): Promise<LoaderStatus>
  /** Replace it where the image brings a newer one, on every volume that has it. */
  updateLoader(options?: OpOptions): Promise<LoaderUpdateResult>
  /** Boot entries in boot order, also such as no deployment answers to. */
  entries(options?: OpOptions): Promise<EntryFacts[]>
  /** Boot an entry (file name or deployment) next time only; undefined takes it back. */
  bootOnce(which: string | undefined, options?: OpOptions): Promise<BootOnceResult>
  /** Container images that the booted (else default) deployment is bound to. */
  boundImages(options?: OpOptions): Promise<BoundImageState[]>
  /** The store in use (or the named one), opened. @throws `SYSROOT_NOT_INITIALIZED` */
  store(name?: string): Promise<StoreBackend>
  /** The loader in use (or the named one), opened. */
  bootloader(name?: string): Promise<Bootloader>
}
