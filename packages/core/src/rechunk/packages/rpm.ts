import type { DatabaseFiles, PackageFiles } from './types.js'
import { readTable } from './sqlite.js'
import { parseRpmHeader } from './rpm-header.js'

const places = ['usr/lib/sysimage/rpm', 'usr/share/rpm', 'var/lib/rpm']

/** Fedora and its kin: headers of packages in an SQLite database. Other kinds (ndb, Berkeley DB) are not read. */
export async function readRpm(files: DatabaseFiles): Promise<PackageFiles[]> {
  for (const place of places) {
    const database = await files.read(`${place}/rpmdb.sqlite`)
    if (database === undefined) continue
    // What is damaged is nobody's: grouping is a matter of size only.
    try {
      return [...readTable(database, 'Packages')].flatMap((row) => {
        const blob = row.at(-1)
        return blob instanceof Uint8Array ? (parseRpmHeader(blob) ?? []) : []
      })
    } catch (error) {
      if (error instanceof RangeError) return []
      throw error
    }
  }
  return []
}
