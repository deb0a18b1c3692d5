import type { Host } from '@bootc-sdk/core'
import { makeExt4 } from '../ext4/make-ext4.js'
import { makeMounted } from '../mounted/make-mounted.js'
import { makeVfat } from '../vfat/make-vfat.js'
import type { Formatters } from './formatters.js'
import type { Tool } from './packages.js'
import { runTool } from './run-tool.js'

/** What each file system takes, and how each program says what it is. */
const needs: Readonly<Record<string, readonly (readonly [Tool, string])[]>> = {
  ext4: [['mke2fs', '-V']],
  vfat: [
    ['mkfs.vfat', '--help'],
    ['mmd', '--version'],
    ['mcopy', '--version'],
  ],
  xfs: [
    ['mkfs.xfs', '-V'],
    ['losetup', '--version'],
    ['mount', '--version'],
  ],
  btrfs: [
    ['mkfs.btrfs', '--version'],
    ['losetup', '--version'],
    ['mount', '--version'],
  ],
}

/**
 * The distribution's own: e2fsprogs, dosfstools, mtools, none of which needs root, a loop device or a mount; and for root
 * xfsprogs and btrfs-progs, with both.
 */
export function hostFormatters(host: Pick<Host, 'run'> & Partial<Pick<Host, 'supports'>>): Formatters {
  const { supports } = host
  return Object.freeze<Formatters>({
    async check(fileSystems, signal) {
      const tools = [...new Set(fileSystems)].flatMap((name) => needs[name] ?? [])
      await Promise.all(
        tools.map(([tool, option]) => runTool(host, tool, [option], { signal, anyEnd: true })),
      )
    },
    ext4: (...args) => makeExt4(host, ...args),
    vfat: (...args) => makeVfat(host, ...args),
    ...(supports?.loop === true && supports.mount
      ? { mounted: (...args) => makeMounted(host, ...args) }
      : {}),
  })
}
