import { readdirSync, readFileSync } from 'node:fs'

/**
 * How paths in the boot entries that lie on a volume start; undefined where there are none to ask.
 * Entries are those of the Boot Loader Specification, in `loader/entries`.
 */
export function entryPrefix(bootPath: string): '/' | '/boot/' | undefined {
  const directory = `${bootPath}/loader/entries`
  for (const name of listQuietly(directory)) {
    if (!name.endsWith('.conf')) continue
    const linux = /^linux[ \t]+(\S+)/m.exec(readQuietly(`${directory}/${name}`))?.[1]
    if (linux !== undefined) return /^\/+boot\//.test(linux) ? '/boot/' : '/'
  }
  return undefined
}

function listQuietly(directory: string): string[] {
  try {
    return readdirSync(directory).sort()
  } catch {
    return []
  }
}

function readQuietly(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
