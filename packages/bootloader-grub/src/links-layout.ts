import { BootcError } from '@bootc-sdk/core'
import type { BootVersion, Dir } from '@bootc-sdk/core'
import type { SetLayout } from './layout.js'

/** Link that names the active set; switching it is the one visible step. */
export const loaderLink = 'loader'
const temporaryLink = 'loader.tmp'

/**
 * `loader.0/entries` and `loader.1/entries`, chosen by the link `loader`.
 *
 * @see ostree 2026.4 src/libostree/ostree-sysroot-deploy.c (write_deployments_bootswap)
 */
export function linksLayout(dir: Dir): SetLayout {
  const version = () => activeVersion(dir)
  return {
    kind: 'links',
    version,
    async activeDir() {
      const active = await version()
      return active === undefined ? undefined : entriesDir(active)
    },
    preparedDir: entriesDir,
    async inactiveDirs() {
      const active = await version()
      return ([0, 1] as const).filter((each) => each !== active).map(entriesDir)
    },
    isActive: async (wanted) => (await version()) === wanted,
    async startSet(wanted) {
      await assertInactive(await version(), wanted)
      await dir.remove(setDir(wanted))
      await dir.mkdir(setDir(wanted), { mode: 0o755 })
      await dir.mkdir(entriesDir(wanted), { mode: 0o755 })
      // Paths that start with /boot work from a separate boot volume too.
      if ((await dir.stat('boot')) === undefined) await dir.symlink('.', 'boot')
    },
    async switchTo(wanted) {
      await dir.remove(temporaryLink)
      await dir.symlink(setDir(wanted), temporaryLink)
      await dir.sync()
      await dir.rename(temporaryLink, loaderLink)
      await dir.sync()
    },
    removeSet: (entries) => dir.remove(entries.slice(0, entries.indexOf('/'))),
    async removeTemporary() {
      await dir.remove(temporaryLink)
      await dir.remove('loader.old')
    },
  }
}

function setDir(version: BootVersion): string {
  return `loader.${version}`
}

function entriesDir(version: BootVersion): string {
  return `${setDir(version)}/entries`
}

/**
 * From `loader -> loader.0|loader.1`; undefined when nothing was committed yet.
 *
 * @throws BootcError `BOOT_UNSUPPORTED_LAYOUT` when `loader` is something else
 */
async function activeVersion(dir: Dir): Promise<BootVersion | undefined> {
  const stat = await dir.stat(loaderLink)
  if (stat === undefined) return undefined
  const target = stat.type === 'symlink' ? await dir.readlink(loaderLink) : ''
  if (/^loader\.[01]\/?$/.test(target)) return target[7] === '0' ? 0 : 1
  throw new BootcError(
    'BOOT_UNSUPPORTED_LAYOUT',
    stat.type === 'symlink'
      ? `boot volume's loader links to ${JSON.stringify(target)}, not to loader.0 or loader.1`
      : `boot volume's loader is a ${stat.type}, not a link to loader.0 or loader.1`,
    { details: { type: stat.type, target } },
  )
}

/** The active set is what boots next; writing into it would show a half-written list to a power cut. */
async function assertInactive(active: BootVersion | undefined, version: BootVersion): Promise<void> {
  if (active !== version) return
  throw new BootcError('BOOT_VERSION_ACTIVE', `boot version ${version} is active and cannot be rewritten`, {
    details: { version },
  })
}
