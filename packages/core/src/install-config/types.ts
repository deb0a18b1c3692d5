export const rootFsTypes = ['xfs', 'ext4', 'btrfs'] as const
export const blockSetups = ['direct', 'tpm2-luks'] as const
export const loaderNames = ['grub', 'grub-cc', 'systemd', 'none'] as const

export type RootFsType = (typeof rootFsTypes)[number]
export type BlockSetup = (typeof blockSetups)[number]
/** As bootc spells them. */
export type LoaderName = (typeof loaderNames)[number]

/**
 * The table `[install]` of files in `bootc/install`, keys in camel case. A table that is there without its key
 * is kept, because it is printed.
 *
 * @see bootc 1.16.9 crates/lib/src/install/config.rs
 */
export interface InstallConfig {
  /** Old spelling; equal to `filesystem.root.type` after merging. */
  readonly rootFsType?: RootFsType
  /** What `--block-setup` may be; the first is the default. */
  readonly block?: readonly BlockSetup[]
  readonly filesystem?: { readonly root?: { readonly type?: RootFsType } }
  readonly kargs?: readonly string[]
  /** `key=value`, or `key` for all of that key. */
  readonly kargDeletes?: readonly string[]
  /** Rust's names of architectures, of the first file that had some. */
  readonly matchArchitectures?: readonly string[]
  /** `key=value;…`: keys for all boot entries but the default. */
  readonly ostree?: { readonly blsAppendExceptDefault?: string }
  readonly stateroot?: string
  /** `''`: no `root=`. */
  readonly rootMountSpec?: string
  /** `''`: neither `boot=` nor a line in fstab. */
  readonly bootMountSpec?: string
  readonly bootupd?: { readonly skipBootUuid?: boolean }
  readonly bootloader?: LoaderName
  /** Leave `root=` to the type of the root partition. */
  readonly discoverablePartitions?: boolean
  readonly enforceContainerSigpolicy?: boolean
}
