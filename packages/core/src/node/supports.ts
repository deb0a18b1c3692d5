import { closeSync, constants, existsSync, openSync, statfsSync } from 'node:fs'
import { release } from 'node:os'
import type { NativeAddon } from '@bootc-sdk/native'
import type { DirSupports } from '../interfaces/index.js'
import { canExchange } from './exchange.js'
import { fdCalls } from './fd-calls.js'
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

/** File systems that can have fs-verity, by their names in /sys/fs. */
const withVerity: Readonly<Record<number, string>> = {
  [fsMagic.btrfs]: 'btrfs',
  [fsMagic.ext]: 'ext4',
  [fsMagic.f2fs]: 'f2fs',
}

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
      exchange: exchanges(type) && (native !== undefined || canExchange(sharedInterpreter())),
      reflink: type === fsMagic.btrfs || type === fsMagic.xfs || type === fsMagic.bcachefs,
      verity: hasVerity(fd, type, native),
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

/** FAT has it since Linux 6.0, exFAT not at all. */
function exchanges(type: number): boolean {
  return type === fsMagic.msdos ? Number.parseInt(release(), 10) >= 6 : type !== fsMagic.exfat
}

/** The file system itself is asked, since a volume may lack the feature that its kernel knows. */
function hasVerity(fd: number, type: number, native: NativeAddon | undefined): boolean {
  const name = withVerity[type]
  if (name === undefined) return false
  // Without the addon asking takes a process: only where the kernel has it at all.
  if (native === undefined && !existsSync(`/sys/fs/${name}/features/verity`)) return false
  const calls = fdCalls(native)
  return calls !== undefined && works(() => calls.measureVerity(fd))
}

function works(call: () => unknown): boolean {
  try {
    call()
    return true
  } catch {
    return false
  }
}
