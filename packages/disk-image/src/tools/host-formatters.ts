import type { Host } from '@bootc-sdk/core'
import { makeExt4 } from '../ext4/make-ext4.js'
import { makeVfat } from '../vfat/make-vfat.js'
import type { Formatters } from './formatters.js'
import type { Tool } from './packages.js'
import { runTool } from './run-tool.js'

/** What each file system takes, and how each program says what it is. */
const needs: Readonly<Record<string, readonly (readonly [Tool, string])[]>> = {
  ext4: [
    ['mke2fs', '-V'],
    ['debugfs', '-V'],
  ],
  vfat: [
    ['mkfs.vfat', '--help'],
    ['mmd', '--version'],
    ['mcopy', '--version'],
  ],
}

/** The distribution's own: e2fsprogs, dosfstools, mtools. None of them needs root, a loop device or a mount. */
export function hostFormatters(host: Pick<Host, 'run'>): Formatters {
  return Object.freeze<Formatters>({
    async check(fileSystems, signal) {
      const tools = [...new Set(fileSystems)].flatMap((name) => needs[name] ?? [])
      await Promise.all(
        tools.map(([tool, option]) => runTool(host, tool, [option], { signal, anyEnd: true })),
      )
    },
    ext4: (...args) => makeExt4(host, ...args),
    vfat: (...args) => makeVfat(host, ...args),
  })
}
