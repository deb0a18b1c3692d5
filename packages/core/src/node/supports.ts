import { closeSync, constants, openSync, statfsSync } from 'node:fs'
import type { NativeAddon } from '@bootc-sdk/native'
import type { DirSupports } from '../interfaces/index.js'
import { sharedInterpreter } from './interpreter.js'

/** @see linux/magic.h */
const fsMagic = {
  msdos: 0x4d44,
  exfat: 0x2011bab0,
  btrfs: 0x9123683e,
  xfs: 0x58465342,
  bcachefs: 0xca451a4e,
  ext: 0xef53,
  f2fs: 0xf2f52010,
}
const withFlags: readonly number[] = [fsMagic.btrfs, fsMagic.xfs, fsMagic.bcachefs, fsMagic.ext, fsMagic.f2fs]

/** What a directory's file system offers, looked up without writing. */
export function detectSupports(hostPath: string, native: NativeAddon | undefined): DirSupports {
  const type = statfsSync(hostPath).type
  const fat = type === fsMagic.msdos || type === fsMagic.exfat
  // Asking a file system itself would take a process without the addon.
  const helper = native === undefined && sharedInterpreter() !== undefined
  const root = process.geteuid?.() === 0
  const fd = openSync(hostPath, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    return Object.freeze({
      xattrs: native === undefined ? !fat && helper : works(() => native.sys.listxattr(fd, '.')),
      chown: root && !fat,
      symlink: !fat,
      hardlink: !fat,
      exchange: native !== undefined && !fat,
      reflink: type === fsMagic.btrfs || type === fsMagic.xfs || type === fsMagic.bcachefs,
      verity: native !== undefined && !fat && works(() => native.sys.measureVerity(fd)),
      immutable:
        root &&
        !fat &&
        (native === undefined
          ? helper && withFlags.includes(type)
          : works(() => native.sys.getImmutable(fd))),
      kernelLocks: native !== undefined || helper,
    })
  } finally {
    closeSync(fd)
  }
}

function works(call: () => unknown): boolean {
  try {
    call()
    return true
  } catch {
    return false
  }
}
