import { decodeName } from '../../names/index.js'
import type { DatabaseFiles, PackageFiles } from './types.js'

const places = ['lib/apk/db/installed', 'usr/lib/apk/db/installed']

/**
 * Alpine: one file, a paragraph a package: `P:` name, `o:` origin, `F:` directory, `R:` file in it.
 *
 * @see apk-tools 2.14 src/database.c
 */
export async function readApk(files: DatabaseFiles): Promise<PackageFiles[]> {
  for (const place of places) {
    const text = await files.read(place)
    if (text === undefined) continue
    return decodeName(text)
      .split('\n\n')
      .flatMap((paragraph) => parseParagraph(paragraph) ?? [])
  }
  return []
}

function parseParagraph(paragraph: string): PackageFiles | undefined {
  let name: string | undefined
  let source: string | undefined
  let directory = ''
  const paths: string[] = []
  for (const line of paragraph.split('\n')) {
    const value = line.slice(2)
    if (line.startsWith('P:')) name = value
    else if (line.startsWith('o:')) source = value
    else if (line.startsWith('F:')) directory = value
    else if (line.startsWith('R:')) paths.push(directory === '' ? value : `${directory}/${value}`)
  }
  return name === undefined ? undefined : { name, source: source ?? name, paths }
}
