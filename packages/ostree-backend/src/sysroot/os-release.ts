import { BootcError, type ReadTree } from '@bootc-sdk/core'
import { readText } from './read-text.js'

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

/** Shell-like assignments; quotes are removed. */
export function parseOsRelease(text: string): ReadonlyMap<string, string> {
  const out = new Map<string, string>()
  for (const line of text.split('\n')) {
    const match = /^\s*([A-Za-z_][A-Za-z0-9_]*)=(.*?)\s*$/.exec(line)
    if (match === null) continue
    out.set(match[1]!, unquote(match[2]!))
  }
  return out
}

function unquote(text: string): string {
  const single = /^'([^']*)'$/.exec(text)
  if (single !== null) return single[1]!
  const double = /^"((?:[^"\\]|\\.)*)"$/.exec(text)
  return (double === null ? text : double[1]!).replace(/\\(.)/g, '$1')
}
