/** Which package has a program, in Debian (and its children) and in Fedora (and its). */
export const toolPackages = {
  mke2fs: { debian: 'e2fsprogs', fedora: 'e2fsprogs' },
  debugfs: { debian: 'e2fsprogs', fedora: 'e2fsprogs' },
  lsattr: { debian: 'e2fsprogs', fedora: 'e2fsprogs' },
  'mkfs.vfat': { debian: 'dosfstools', fedora: 'dosfstools' },
  mmd: { debian: 'mtools', fedora: 'mtools' },
  mcopy: { debian: 'mtools', fedora: 'mtools' },
} as const

export type Tool = keyof typeof toolPackages
