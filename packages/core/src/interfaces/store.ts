import type { Bytes, Digest, OpOptions, Warning } from './common.js'
import type { Dir, ReadTree } from './tree.js'
import type { ImageReference, SignedImageReference } from '../oci/reference.js'
import type { Descriptor, ImageConfig, ImageManifest } from '../oci/types.js'
import type { ResolvedImage } from './transport.js'
import type { SysrootLock } from './sysroot.js'
import type { BootSpec, BootVersion } from './bootloader.js'
import type { EtcPolicy } from '../etc-merge/types.js'

/** Opaque outside its backend. */
export type DeploymentId = string

/** An image in a store. Plain data. */
export interface StoredImage {
  /** Name of the backend. */
  readonly store: string
  /** What the store calls the flattened image: merge commit checksum or EROFS image id. */
  readonly id: string
  /** Reference it is filed under, when there is one. */
  readonly reference?: ImageReference
  readonly manifestDigest: Digest
  readonly configDigest: Digest
  readonly manifest: ImageManifest
  readonly config: ImageConfig
  readonly layers: readonly StoredLayer[]
  /** Seen by an earlier check for updates, not fetched. */
  readonly cachedUpdate?: CachedUpdate
}

export interface StoredLayer {
  readonly digest: Digest
  readonly diffId: Digest
  /** Ref or stream name of the layer in the store. */
  readonly ref: string
  /** Commit or object behind it. */
  readonly id: string
  /** True when this import did not need to fetch it. Only in results of `commit`. */
  readonly cached?: boolean
}

export interface CachedUpdate {
  readonly manifestDigest: Digest
  readonly manifest: ImageManifest
  readonly config: ImageConfig
}

/** Images of one store. Takes its own locks, so it works on a repository without a sysroot. */
export interface ImageStore {
  readonly supports: {
    readonly reflink: boolean
    readonly fsck: boolean
    /** Verifies commits that images were made from by the keys of OSTree remotes. Default false. */
    readonly commitSignatures?: boolean
  }
  get(manifestDigest: Digest): Promise<StoredImage | undefined>
  /** The image filed under a reference. */
  lookup(reference: ImageReference): Promise<StoredImage | undefined>
  list(): AsyncIterable<StoredImage>
  /** Free bytes, after the store's own reserve (min-free-space). */
  freeBytes(): Promise<number>
  /** Start an import; `options.target` is the reference to file it under (default: the image's own). */
  begin(image: ResolvedImage, options?: ImportOptions): Promise<ImportSession>
  /** The flattened root file system; no mount, no root needed. */
  open(image: StoredImage): Promise<ReadTree>
  /** Remember what a check for updates saw. */
  setCachedUpdate(image: StoredImage, update: CachedUpdate | undefined): Promise<void>
  /** Drop the name of an image; content goes at the next prune. False when it was not there. */
  remove(reference: ImageReference): Promise<boolean>
  /** Delete every image whose manifest digest is not in `keep`, then unreferenced layers and objects. */
  prune(keep: ReadonlySet<Digest>, options?: OpOptions): Promise<PruneResult>
  /**
   * Demand that the commit which a stored image was made from is signed by a key of an OSTree remote. Present when
   * `supports.commitSignatures`.
   * @throws what an import with `ostreeRemote` throws
   */
  verifyCommit?(image: StoredImage, remote: string, options?: OpOptions): Promise<void>
  /** Present when `supports.fsck`. */
  fsck?(options?: OpOptions): Promise<FsckResult>
  /**
   * Manifest and config as they were served, where the store kept the bytes (they hash to the digests).
   * `undefined`: only what they say is left.
   */
  documents?(image: StoredImage): Promise<ImageDocuments | undefined>
  /** The uncompressed layer again, where the store keeps it: an image moves to another store without download. */
  readLayer?(image: StoredImage, index: number): LayerTar
  /**
   * File an image whose root another store has already, under the same manifest and config; content comes
   * from `tree` (by reference where the file system can). For stores that cannot get at the layers.
   */
  adopt?(image: ResolvedImage, tree: ReadTree, options?: ImportOptions): Promise<StoredImage>
}

export interface ImageDocuments {
  readonly manifestBytes: Uint8Array
  readonly manifestMediaType: string
  readonly configBytes: Uint8Array
}

export interface PruneResult {
  readonly images: number
  readonly layers: number
  readonly objects: number
  readonly bytes: number
}

export interface FsckResult {
  readonly objects: number
  /** One line a defect; empty means clean. */
  readonly problems: readonly { readonly object: string; readonly message: string }[]
}

export interface ImportOptions extends OpOptions {
  readonly target?: ImageReference
  /** Do not file the image under any reference (`--no-imgref`). */
  readonly unnamed?: boolean
  /** Root whose SELinux policy labels layers when the image has no base of its own. */
  readonly policyFrom?: StoredImage
  /** Seconds since the epoch for layer records; default now. */
  readonly timestamp?: number
  /**
   * The commit that the image was made from must be signed by a key of this OSTree remote; nothing of it is visible
   * before. Only for stores with `supports.commitSignatures`.
   */
  readonly ostreeRemote?: string
}

/**
 * One import. Layers are put in any order, also several at once; each `putLayer` that returns is kept even
 * when the session is abandoned (a later import finds it). Disposing without `commit` leaves no image.
 */
export interface ImportSession extends AsyncDisposable {
  readonly layers: readonly ImportLayer[]
  /**
   * @param tar the uncompressed layer. It throws at its end when digest, size or diffId is wrong; the
   *   session must make nothing visible before it has seen the end.
   */
  putLayer(index: number, tar: LayerTar, options?: OpOptions): Promise<void>
  commit(options?: OpOptions): Promise<{ image: StoredImage; warnings: readonly Warning[] }>
}

export interface ImportLayer {
  readonly descriptor: Descriptor
  readonly diffId: Digest
  /** Already in the store, under this digest or under its diffId. */
  readonly present: boolean
  /** Layers that must be complete before this one can be put (the base of labels); usually empty. */
  readonly after: readonly number[]
}

/** A decompressed layer; `leases()` instead of plain iteration avoids copies. Use one of the two, once. */
export interface LayerTar extends Bytes {
  leases?(): AsyncIterable<Lease>
}

/** A chunk on loan: valid until `release()`. Native writers that still read from it hold it themselves. */
export interface Lease {
  readonly data: Uint8Array
  release(): void
}

export type UnlockedState = 'none' | 'development' | 'hotfix' | 'transient'

/** A root file system on disk that can be booted. Plain data. */
export interface Deployment {
  readonly id: DeploymentId
  readonly store: string
  readonly stateroot?: string
  /** Directory below the physical root where its files are that may be changed. */
  readonly path?: string
  /** What it follows; absent for deployments that did not come from a container image. */
  readonly origin?: SignedImageReference
  /** Packages layered by other tools: bootc must not upgrade it. */
  readonly incompatible: boolean
  /** The image behind it, when the store still knows. */
  readonly image?: DeploymentImage
  readonly pinned: boolean
  /** Addons of its unified kernel image that were chosen, without `.addon.efi`; absent for none. */
  readonly ukiAddons?: readonly string[]
  readonly unlocked: UnlockedState
  /** Version text for boot menus; compared when deciding whether entries changed. */
  readonly version?: string
  /** sha256 of kernel, initramfs and device tree, hex. */
  readonly bootDigest: string
  /** Backend's own facts, shown in status: `{ ostree: { stateroot, checksum, deploySerial } }`. */
  readonly backend: Readonly<Record<string, unknown>>
}

export interface DeploymentImage {
  readonly manifestDigest: Digest
  readonly configDigest?: Digest
  readonly version?: string
  /** RFC 3339. */
  readonly created?: string
  readonly architecture: string
  readonly cachedUpdate?: CachedUpdate
}

export interface DeploymentInit {
  /** What the deployment will follow. */
  readonly origin: SignedImageReference
  readonly stateroot?: string
  /** Groups and keys of another origin to carry over (`switch --retain`): the id of that deployment. */
  readonly retainOriginOf?: DeploymentId
  /** Directory below the physical root that is the /var of the system so far, when another store has it. */
  readonly varFrom?: string
  /** Addons of its unified kernel image to boot with, without `.addon.efi`; default none. @throws `BOOT_UKI_ADDON` */
  readonly ukiAddons?: readonly string[]
}

/** What waits in /run for the next shutdown. */
export interface StagedRecord {
  readonly id: DeploymentId
  /** Whose /etc and kargs are carried over. */
  readonly mergeFrom?: DeploymentId
  readonly kargs: readonly string[]
  /**
   * Keys of its boot entry where they are not those of `mergeFrom` (`x-options-source-*`); an empty value takes
   * one away.
   */
  readonly extra?: readonly (readonly [key: string, value: string])[]
  /** `--download-only`: do not finalize at shutdown. */
  readonly locked: boolean
}

/** Restarting user space alone into a deployment, which systemd does from what is mounted at /run/nextroot. */
export interface SoftReboots {
  /** The deployment that is prepared. */
  target(): Promise<DeploymentId | undefined>
  /** What keeps the store's tools from it although kernel and kernel arguments are equal; undefined: nothing. */
  obstacle?(id: DeploymentId): Promise<string | undefined>
  /**
   * Mount its root, with its own /etc, in the place of what was prepared before.
   *
   * @param target `kargs`: words of its kernel command line
   * @throws BootcError `DEPLOY_SOFT_REBOOT_FAILED`; nothing is prepared then
   */
  prepare(
    target: { readonly id: DeploymentId; readonly kargs: readonly string[] },
    lock: SysrootLock,
  ): Promise<void>
  /** Take back what was prepared. @throws BootcError `DEPLOY_SOFT_REBOOT_FAILED` */
  reset(lock: SysrootLock): Promise<void>
}

export interface DeploymentStore {
  readonly supports: {
    readonly stateroots: boolean
    readonly relink: boolean
    readonly softReboot: boolean
    /** Rules of the three-way merge of /etc; default `ostree`. */
    readonly etcPolicy?: EtcPolicy
    /** As in the boot specs it makes: how other tools of its format replace the set of entries. */
    readonly entrySet?: BootSpec['entrySet']
  }
  /** All complete deployments on disk, in any order. */
  list(): AsyncIterable<Deployment>
  /** Whose root kargs are on this command line? */
  identify(cmdline: string): Promise<DeploymentId | undefined>
  /** Keys of kernel arguments that lead to its deployments; entries of other stores must not have them. */
  readonly rootKargKeys?: readonly string[]
  /** When root kargs carry the boot version. */
  bootVersion?(cmdline: string): BootVersion | undefined
  /** The deployment whose root is running now, when it can be told without the command line. */
  running?(): Promise<DeploymentId | undefined>
  /**
   * The id that a deployment of this image has, for stores in which the image decides it: there can be one
   * deployment of an image only. Makes what it takes to know it, such as the boot image.
   */
  idOf?(image: StoredImage, lock: SysrootLock, options?: OpOptions): Promise<DeploymentId>
  /**
   * Make the root file system; it is in no list of anybody's before `activate`. Where `idOf` tells the id, what
   * an earlier attempt left under it is replaced.
   */
  create(
    image: StoredImage,
    init: DeploymentInit,
    lock: SysrootLock,
    options?: OpOptions,
  ): Promise<Deployment>
  /** Directory of its /var, below the physical root. */
  varDir?(id: DeploymentId): Promise<string | undefined>
  /** The image's root as deployed (kargs.d, os-release, /usr). */
  root(id: DeploymentId): Promise<ReadTree>
  staged(): Promise<StagedRecord | undefined>
  setStaged(record: StagedRecord | undefined, lock: SysrootLock): Promise<void>
  /**
   * Have the running system finalize at shutdown, where the store's own tools bring a unit for that. Called
   * after something was staged; what cannot be arranged is a warning.
   */
  armFinalize?(lock: SysrootLock): Promise<readonly Warning[]>
  /** Present when `supports.softReboot`. */
  readonly softReboot?: SoftReboots
  /** Pristine /etc of a deployment. */
  defaults(id: DeploymentId): Promise<ReadTree>
  /** Its own /etc for reading; undefined before it was seeded. */
  currentEtc(id: DeploymentId): Promise<ReadTree | undefined>
  /** Its own /etc for writing. */
  etc(id: DeploymentId, lock: SysrootLock): Promise<Dir>
  /**
   * Throw away its /etc and seed it from `defaults` again, so that an interrupted finalize can be repeated.
   */
  resetEtc(id: DeploymentId, lock: SysrootLock): Promise<Dir>
  /** Last touches of finalize, after /etc was merged and before `activate` (immutable flag, var seeding). */
  seal(id: DeploymentId, lock: SysrootLock): Promise<void>
  bootSpecs(
    order: readonly { readonly id: DeploymentId; readonly kargs: readonly string[] }[],
    version: BootVersion,
  ): Promise<BootSpec[]>
  /** Make the links that entries of `version` will follow; invisible until the loader commits. */
  activate(order: readonly DeploymentId[], version: BootVersion, lock: SysrootLock): Promise<void>
  setOrigin(id: DeploymentId, origin: SignedImageReference, lock: SysrootLock): Promise<void>
  setPinned(id: DeploymentId, pinned: boolean, lock: SysrootLock): Promise<void>
  /** Remove deployments that are not in `order` or `staged`, stale links of other boot versions and partial work. */
  prune(
    keep: {
      readonly order: readonly DeploymentId[]
      readonly staged?: DeploymentId
      readonly version: BootVersion
    },
    lock: SysrootLock,
  ): Promise<void>
}

/** One store on one sysroot. */
export interface StoreBackend {
  readonly name: string
  readonly images: ImageStore
  readonly deployments: DeploymentStore
  /** Settings of an installation that its format has a place for. */
  configure?(settings: { readonly blsAppendExceptDefault: string }, lock: SysrootLock): Promise<void>
  /** What was found when it was laid out or opened, and an administrator should know. */
  readonly warnings?: readonly Warning[]
  /** Exclude other programs that write this store (the real ostree); taken after the sysroot's own lock. */
  lock?(options?: OpOptions & { timeoutMs?: number }): Promise<AsyncDisposable>
}
