import type { Dir } from '@bootc-sdk/core'
import { exchangeLayout } from './exchange-layout.js'
import type { SetLayout } from './layout.js'
import { linksLayout, loaderLink } from './links-layout.js'

const oldLoader = 'loader.old'

/** A set of entries and nothing else: other files in `loader` would be lost. */
export async function canConvert(dir: Dir): Promise<boolean> {
  const names: string[] = []
  for await (const { name } of dir.list(loaderLink)) names.push(name)
  return names.includes('entries') && names.every((name) => name === 'entries' || name === 'entries.staged')
}

/**
 * From sets that are exchanged to sets behind a link, when deployments come that need the link (a system moves
 * to OSTree): the new set is made as for the link, and the visible step exchanges the directory `loader` with the
 * link.
 */
export function convertingLayout(dir: Dir): SetLayout {
  const from = exchangeLayout(dir)
  const to = linksLayout(dir)
  return {
    ...to,
    version: () => Promise.resolve(undefined),
    activeDir: from.activeDir,
    isActive: () => Promise.resolve(false),
    inactiveDirs: async () => [...(await from.inactiveDirs()), to.preparedDir(0), to.preparedDir(1)],
    async startSet(version) {
      const set = `loader.${version}`
      await dir.remove(set)
      await dir.mkdir(set, { mode: 0o755 })
      await dir.mkdir(to.preparedDir(version), { mode: 0o755 })
      if ((await dir.stat('boot')) === undefined) await dir.symlink('.', 'boot')
    },
    async switchTo(version) {
      await dir.remove(oldLoader)
      await dir.symlink(`loader.${version}`, oldLoader)
      await dir.sync()
      await dir.rename(oldLoader, loaderLink, { exchange: true })
      await dir.sync()
      await dir.remove(oldLoader)
      await dir.sync()
    },
    removeSet: (entries) => (entries.startsWith('loader/') ? from.removeSet(entries) : to.removeSet(entries)),
  }
}
