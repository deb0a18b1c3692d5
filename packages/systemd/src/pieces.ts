const units = 'usr/lib/systemd/system'
const own = 'usr/lib/bootc-sdk'
const dracut = 'usr/lib/dracut/modules.d/52bootc-sdk-emergency'
const initramfsTools = 'usr/share/initramfs-tools'

/** One thing that an image can have or not. Paths are relative to the image's root. */
export interface Piece {
  readonly files: readonly string[]
  /** Files with mode 0755. */
  readonly programs?: readonly string[]
  /** Symbolic links: path to target. Not shipped as files, because package archives of npm drop links. */
  readonly links?: Readonly<Record<string, string>>
  readonly directories?: readonly string[]
}

/** Everything that is shipped, each file in one piece. */
export const pieces = {
  /** Judge each boot; try new deployments a few times. */
  'boot-check': {
    files: [
      `${units}/bootc-sdk-boot-check.service`,
      `${units}/bootc-sdk-trial-emergency.service`,
      `${own}/boot-trial.toml`,
    ],
    programs: [`${own}/trial-emergency`],
    links: {
      [`${units}/multi-user.target.wants/bootc-sdk-boot-check.service`]: '../bootc-sdk-boot-check.service',
      [`${units}/boot-complete.target.requires/bootc-sdk-boot-check.service`]:
        '../bootc-sdk-boot-check.service',
      [`${units}/emergency.target.wants/bootc-sdk-trial-emergency.service`]:
        '../bootc-sdk-trial-emergency.service',
    },
    directories: [`${own}/check/required.d`, `${own}/check/wanted.d`, `${own}/green.d`, `${own}/red.d`],
  },
  /**
   * Restart where nothing else helps: kernel arguments, and a module of dracut which obeys them. initramfs-tools obeys
   * `panic=` by itself, and mkinitcpio's hook for composefs roots has it built in.
   */
  healing: {
    files: [
      'usr/lib/bootc/kargs.d/50-bootc-sdk-healing.toml',
      `${dracut}/bootc-sdk-initrd-emergency.service`,
    ],
    programs: [`${dracut}/module-setup.sh`, `${dracut}/emergency.sh`],
  },
  /** What libostree brings for dracut only: deployments of OSTree from an initramfs of initramfs-tools. */
  'ostree-root': {
    files: [],
    programs: [
      `${initramfsTools}/hooks/bootc-sdk-ostree`,
      `${initramfsTools}/scripts/local-bottom/bootc-sdk-ostree`,
    ],
  },
  /** Fetch updates now and then; off unless `autoUpdate`. */
  update: {
    files: [
      `${units}/bootc-sdk-update.service`,
      `${units}/bootc-sdk-update.timer`,
      'usr/lib/systemd/system-preset/50-bootc-sdk.preset',
    ],
  },
  /** Make the staged deployment the default at shutdown. */
  finalize: {
    files: [
      `${units}/bootc-sdk-finalize-staged.service`,
      `${units}/bootc-sdk-finalize-hold.service`,
      `${units}/ostree-finalize-staged.service.d/50-bootc-sdk.conf`,
      `${units}/bootc-sdk-finalize-report.service`,
    ],
    programs: [`${own}/finalize-report`],
    links: {
      [`${units}/multi-user.target.wants/bootc-sdk-finalize-report.service`]:
        '../bootc-sdk-finalize-report.service',
    },
  },
  /** Tell other software that what is deployed has changed. */
  status: { files: [`${units}/bootc-sdk-status-updated.path`] },
  /** Password entries without accounts. */
  accounts: { files: [`${units}/bootc-sdk-shadow-sync.service`], programs: [`${own}/shadow-sync`] },
  /** Remove the system that was there before `install to-existing-root --cleanup`. */
  cleanup: {
    files: [`${units}/bootc-sdk-destructive-cleanup.service`],
    programs: [`${own}/destructive-cleanup`],
  },
  /** fstab of Anaconda under a root that cannot be written to. */
  fstab: { files: [`${units}/bootc-sdk-fstab-edit.service`], programs: [`${own}/fstab-edit`] },
  /** SELinux labels of overlays in memory. */
  labels: { files: [`${units}/bootc-sdk-overlay-relabel.service`], programs: [`${own}/relabel-overlays`] },
  /** Enables the last five pieces where they apply; mounts the EFI system partition. */
  generator: { files: [], programs: ['usr/lib/systemd/system-generators/bootc-sdk-generator'] },
  /** Directories in /var that top-level links lead to. */
  'var-directories': { files: ['usr/lib/tmpfiles.d/bootc-sdk.conf'] },
} as const satisfies Record<string, Piece>

/** What can make the initramfs of an image. */
export const initramfsGenerators = ['dracut', 'initramfs-tools', 'mkinitcpio'] as const

export type InitramfsGenerator = (typeof initramfsGenerators)[number]

export type PieceName = keyof typeof pieces

export const pieceNames = Object.keys(pieces) as readonly PieceName[]

/** What `systemctl enable` makes, and a preset, so that `preset-all` does not undo it. */
export const autoUpdatePiece = {
  links: {
    'etc/systemd/system/timers.target.wants/bootc-sdk-update.timer': `/${units}/bootc-sdk-update.timer`,
  },
  preset: {
    path: 'usr/lib/systemd/system-preset/40-bootc-sdk-auto-update.preset',
    text: 'enable bootc-sdk-update.timer\n',
  },
} as const
