/** Which package has a program, in Debian (and its children) and in Fedora (and its). */
export const toolPackages = {
  mke2fs: { debian: 'e2fsprogs', fedora: 'e2fsprogs' },
  lsattr: { debian: 'e2fsprogs', fedora: 'e2fsprogs' },
  'mkfs.vfat': { debian: 'dosfstools', fedora: 'dosfstools' },
  'mkfs.xfs': { debian: 'xfsprogs', fedora: 'xfsprogs' },
  'mkfs.btrfs': { debian: 'btrfs-progs', fedora: 'btrfs-progs' },
  losetup: { debian: 'mount', fedora: 'util-linux-core' },
  mount: { debian: 'mount', fedora: 'util-linux-core' },
  umount: { debian: 'mount', fedora: 'util-linux-core' },
  mmd: { debian: 'mtools', fedora: 'mtools' },
  mcopy: { debian: 'mtools', fedora: 'mtools' },
} as const

export type Tool = keyof typeof toolPackages
