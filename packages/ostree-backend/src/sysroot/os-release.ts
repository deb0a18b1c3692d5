import { BootcError, type ReadTree } from '@bootc-sdk/core'
import { parseOsRelease, readText } from '@bootc-sdk/core/store-kit'

/** What boot menus show of a system. */
export interface OsRelease {
  readonly id: string
  /** `PRETTY_NAME`, else `ID`. */
  readonly title: string
}

/**
 * Read os-release of a deployment.
 *
 * @throws BootcError `DEPLOY_NO_OS_RELEASE`
 * @see os-release(5)
 */
export async function readOsRelease(tree: Pick<ReadTree, 'stat' | 'read'>): Promise<OsRelease> {
  for (const path of ['usr/lib/os-release', 'etc/os-release']) {
    const text = await readText(tree, path)
    if (text === undefined) continue
    const values = parseOsRelease(text)
    const id = values.get('ID')
    const title = values.get('PRETTY_NAME') ?? id
    if (title === undefined || title === '') break
    return { id: id ?? 'linux', title }
  }
  throw new BootcError(
    'DEPLOY_NO_OS_RELEASE',
    'no PRETTY_NAME or ID in /usr/lib/os-release or /etc/os-release',
    {
      details: {},
    },
  )
}
