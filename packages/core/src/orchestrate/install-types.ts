import type { BlockSetup, ConfigDirectory, InstallConfig } from '../install-config/index.js'
import type { DeploymentId, LoaderInstallOptions, OpOptions, Warning } from '../interfaces/index.js'
import type { SignedImageReference } from '../oci/reference.js'
import type { BoundImagesResult, BoundMode } from './bound-types.js'
import type { PullResult } from './pull-types.js'
import type { ImageFacts } from './types.js'

/** A file system to be mounted at /boot. */
export interface BootMount {
  /** `UUID=…`, `LABEL=…`, or a device. */
  readonly source: string
  /** Default `auto`. */
  readonly fsType?: string
  /** Comma-separated, `ro` is added; default none. */
  readonly options?: string
}

/**
 * What the caller leaves open is settled by the image's installation configuration (`bootc/install/*.toml`), then
 * by defaults.
 */
export interface InstallOptions extends OpOptions {
  /** Where the image comes from, and how it is trusted. */
  readonly source: SignedImageReference
  /** What the system will follow; default `source`. */
  readonly target?: SignedImageReference
  /** Look whether `target` can be fetched, before anything is written. */
  readonly fetchCheck?: boolean
  /** Default `default`. */
  readonly stateroot?: string
  /**
   * Name of a provider; default: what the sysroot already uses, else the first given, but for images with a unified
   * kernel image one that boots such.
   */
  readonly store?: string
  /**
   * Name of a provider, or as bootc has it: `grub`, `systemd`, `none` (entries only). Default: what the sysroot
   * already uses, else by what the image brings.
   */
  readonly bootloader?: string
  /**
   * More directories of installation settings, whose files count above those of the image; `false`: read none at
   * all.
   */
  readonly config?: readonly ConfigDirectory[] | false
  /** Kernel arguments in their fixed order: root → config → image → deletions → extra. */
  readonly kargs?: {
    /** Those that find the root file system, where `rootMountSpec` and the configuration do not say it. */
    readonly root?: readonly string[]
    /** Before those of the configuration. */
    readonly config?: readonly string[]
    /** `key=value` exactly, or `key` with any value. */
    readonly delete?: readonly string[]
    readonly extra?: readonly string[]
  }
  /** What `root=` says; `''` leaves it out. */
  readonly rootMountSpec?: string
  /** Goes into the deployment's fstab as `SPEC /boot auto ro 0 0` and to `boot=SPEC`; `''`: neither. */
  readonly bootMountSpec?: string
  /** The same, where neither `bootMountSpec` nor the configuration says it: what is mounted at /boot now. */
  readonly bootMount?: BootMount
  /**
   * The root partition has the type that systemd finds it by: `root=` is left out where the configuration says so, or
   * where systemd-boot was asked for by name.
   */
  readonly typedPartitions?: boolean
  /** How the block device of the root was set up; refused where the configuration does not allow it. */
  readonly blockSetup?: BlockSetup
  /** Text of an `authorized_keys` file for root. */
  readonly rootSshAuthorizedKeys?: string
  /** `selinux=0`. */
  readonly disableSelinux?: boolean
  /** Addons of the unified kernel image to install, without `.addon.efi`. */
  readonly ukiAddons?: readonly string[]
  /** What may be there already; default `none` (only `lost+found` and directories holding mount points). */
  readonly replace?: 'none' | 'wipe' | 'alongside'
  /** Have the next boot delete what was on the root before. */
  readonly cleanup?: boolean
  /**
   * How the loader itself is put on the volumes, for loaders that can; `false`: not at all. Default: without
   * registering it with the firmware.
   */
  readonly loader?:
    Pick<LoaderInstallOptions, 'firmwareVariables' | 'randomSeed' | 'bios' | 'skipBootUuid'> | false
  /** What is written down about the installing machine; default: asked of the host. `false`: no such file. */
  readonly aleph?: { readonly kernel?: string; readonly hostSelinux?: boolean } | false
  /** Architecture to install; default: the host's. */
  readonly architecture?: string
  /** Where container images come from that the image is bound to; default `stored`. */
  readonly boundImages?: BoundMode
  /** Skip the label and architecture checks. */
  readonly allowUnbootable?: boolean
}

/** Plain data. */
export interface InstallResult {
  readonly deployment: DeploymentId
  /** Its directory below the physical root, where files such as /etc can be changed. */
  readonly path?: string
  readonly stateroot: string
  readonly store: string
  readonly bootloader: string
  /** False: entries only, whatever reads them (`none`). */
  readonly bootloaderInstalled: boolean
  /** Why this loader. */
  readonly bootloaderReason: string
  readonly image: ImageFacts
  /** As in the boot entry, root arguments included. */
  readonly kargs: readonly string[]
  /** In boot order. */
  readonly entries: readonly { readonly fileName: string; readonly title: string }[]
  /** The installation configuration that was found, and its files. */
  readonly config?: InstallConfig
  readonly configFiles: readonly string[]
  /** Container images that came along; absent when there are none. */
  readonly boundImages?: BoundImagesResult
  readonly pull: PullResult
  readonly warnings: readonly Warning[]
}
