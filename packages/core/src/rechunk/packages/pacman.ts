import { decodeName } from '../../names/index.js'
import type { DatabaseFiles, PackageFiles } from './types.js'

const places = ['var/lib/pacman/local', 'usr/lib/sysimage/lib/pacman/local', 'usr/lib/pacman/local']

/** Arch: a directory `NAME-VERSION-RELEASE` for each package with `desc` and `files`. @see pacman 7.0 */
export async function readPacman(files: DatabaseFiles): Promise<PackageFiles[]> {
  for (const place of places) {
    const packages: PackageFiles[] = []
    for (const directory of files.list(place)) {
      const desc = sections(await files.read(`${place}/${directory}/desc`))
      const name = desc.get('NAME')?.[0]
      if (name === undefined) continue
      const paths = sections(await files.read(`${place}/${directory}/files`)).get('FILES') ?? []
      packages.push({ name, source: desc.get('BASE')?.[0] ?? name, paths })
    }
    if (packages.length > 0) return packages
  }
  return []
}

/** `%KEY%`, then lines up to an empty one. */
function sections(text: Buffer | undefined): Map<string, string[]> {
  const found = new Map<string, string[]>()
  let lines: string[] | undefined
  for (const line of text === undefined ? [] : decodeName(text).split('\n')) {
    const key = /^%([A-Z0-9]+)%$/.exec(line)?.[1]
    if (key !== undefined) found.set(key, (lines = []))
    else if (line === '') lines = undefined
    else lines?.push(line)
  }
  return found
}
