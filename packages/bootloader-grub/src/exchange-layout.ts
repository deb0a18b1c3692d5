import type { Dir } from '@bootc-sdk/core'
import type { SetLayout } from './layout.js'

const loaderDir = 'loader'
const active = `${loaderDir}/entries`
const staged = `${loaderDir}/entries.staged`

/**
 * `loader/entries`, a directory, and `loader/entries.staged`; the visible step exchanges the two, and what is
 * staged then is the old set, to be removed.
 *
 * @see bootc 1.16.9 crates/lib/src/bootc_composefs/rollback.rs
 */
export function exchangeLayout(dir: Dir): SetLayout {
  const isDirectory = async (path: string) => (await dir.stat(path))?.type === 'directory'
  const ready = async () =>
    (await isDirectory(loaderDir)) && (await isDirectory(active)) ? active : undefined
  return {
    kind: 'exchange',
    version: () => Promise.resolve(undefined),
    activeDir: ready,
    preparedDir: () => staged,
    inactiveDirs: () => Promise.resolve([staged]),
    isActive: async () => (await ready()) !== undefined,
    async startSet() {
      if (!(await isDirectory(loaderDir))) await dir.mkdir(loaderDir, { mode: 0o755 })
      await dir.remove(staged)
      await dir.mkdir(staged, { mode: 0o755 })
    },
    async switchTo() {
      const exchange = (await ready()) !== undefined
      await dir.sync()
      await dir.rename(staged, active, exchange ? { exchange } : {})
      await dir.sync()
      // Other tools would take the old entries for an update that waits.
      await dir.remove(staged)
      await dir.sync()
    },
    removeSet: (entries) => dir.remove(entries),
    removeTemporary: () => Promise.resolve(),
  }
}
