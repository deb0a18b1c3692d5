import type { ConfReader } from '../containers-conf/conf-reader.js'

/** Configuration of a machine in memory; absolute paths. */
export function memoryConf(files: Readonly<Record<string, string | Uint8Array>>): ConfReader {
  const all = new Map(Object.entries(files).map(([path, data]) => [path, Buffer.from(data as string)]))
  const below = (path: string): string[] =>
    [...all.keys()].filter((one) => one.startsWith(`${path}/`)).map((one) => one.slice(path.length + 1))
  return {
    read: (path) => Promise.resolve(all.get(path)),
    list: (path) => {
      const found = below(path)
      return Promise.resolve(found.length === 0 ? undefined : found.filter((one) => !one.includes('/')))
    },
    exists: (path) => Promise.resolve(all.has(path) || below(path).length > 0),
  }
}
