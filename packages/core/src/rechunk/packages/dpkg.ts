import { decodeName } from '../../names/index.js'
import type { DatabaseFiles, PackageFiles } from './types.js'

const places = ['var/lib/dpkg', 'usr/lib/sysimage/dpkg', 'usr/lib/sysimage/var/lib/dpkg', 'usr/lib/dpkg-db']

/** Debian: a list of paths for each package, and what is installed in `status`. @see dpkg 1.22 */
export async function readDpkg(files: DatabaseFiles): Promise<PackageFiles[]> {
  for (const place of places) {
    const lists = files.list(`${place}/info`).filter((name) => name.endsWith('.list'))
    if (lists.length === 0) continue
    const sources = sourcesOf(await files.read(`${place}/status`))
    const packages: PackageFiles[] = []
    for (const list of lists) {
      // `libc6:amd64` where several architectures can be installed at once.
      const name = list.slice(0, -'.list'.length)
      const text = await files.read(`${place}/info/${list}`)
      if (text === undefined) continue
      const paths = decodeName(text)
        .split('\n')
        .filter((line) => line !== '' && line !== '/.')
      packages.push({ name, source: sources.get(name.split(':')[0]!) ?? name, paths })
    }
    return packages
  }
  return []
}

/** `Source: gcc-14 (14.2.0-1)`; a package without one is its own source. */
function sourcesOf(status: Buffer | undefined): Map<string, string> {
  const sources = new Map<string, string>()
  for (const paragraph of (status?.toString('utf8') ?? '').split('\n\n')) {
    const name = /^Package: *(\S+)/m.exec(paragraph)?.[1]
    const source = /^Source: *(\S+)/m.exec(paragraph)?.[1]
    if (name !== undefined && source !== undefined) sources.set(name, source)
  }
  return sources
}
