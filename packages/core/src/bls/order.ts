import type { BootEntry } from '../interfaces/bootloader.js'
import { parseBootCount } from './file-name.js'
import { compareUapiVersions, compareVersions } from './versions.js'

/** Entries as libostree lists them: `version` descending by strverscmp, so the default comes first. */
export function sortForOstree(entries: readonly BootEntry[]): BootEntry[] {
  return [...entries].sort((a, b) => compareVersions(b.version, a.version))
}

/**
 * Entries in the order of GRUB's blscfg: file names taken for `name-version-release`, compared part by part,
 * highest first.
 *
 * @see GRUB 2.12 with blscfg, grub-core/commands/blscfg.c
 */
export function sortForGrub(entries: readonly BootEntry[]): BootEntry[] {
  const keyed = entries.map((entry) => ({ entry, parts: packageParts(entry.fileName) }))
  keyed.sort(({ parts: a }, { parts: b }) => {
    for (let i = 0; i < 3; i++) {
      const order = compareUapiVersions(b[i]!, a[i]!)
      if (order !== 0) return order
    }
    return 0
  })
  return keyed.map(({ entry }) => entry)
}

/**
 * Entries in systemd-boot's order: those with tries left first, then those with `sort-key` by sort key,
 * machine id and version descending, then the rest by file name descending.
 *
 * @see UAPI.1 "Sorting", systemd 257 src/boot/boot.c
 */
export function sortForSystemdBoot(entries: readonly BootEntry[]): BootEntry[] {
  const keyed = entries.map((entry) => {
    const { name, count } = parseBootCount(entry.fileName)
    const value = (key: string): string => entry.extra.find(([other]) => other === key)?.[1] ?? ''
    return { entry, id: name, count, sortKey: value('sort-key'), machineId: value('machine-id') }
  })
  keyed.sort((a, b) => {
    const spent = Number(a.count?.left === 0) - Number(b.count?.left === 0)
    if (spent !== 0) return spent
    if (a.sortKey === '' || b.sortKey === '') {
      const order = Number(a.sortKey === '') - Number(b.sortKey === '')
      if (order !== 0) return order
    } else {
      const order =
        compareBytes(a.sortKey, b.sortKey) ||
        compareBytes(a.machineId, b.machineId) ||
        compareUapiVersions(b.entry.version, a.entry.version)
      if (order !== 0) return order
    }
    const order = compareUapiVersions(b.id, a.id)
    if (order !== 0 || a.count === undefined || b.count === undefined) return order
    return b.count.left - a.count.left || a.count.done - b.count.done
  })
  return keyed.map(({ entry }) => entry)
}

function packageParts(fileName: string): [name: string, version: string, release: string] {
  const base = fileName.endsWith('.conf') ? fileName.slice(0, -5) : fileName
  const last = base.lastIndexOf('-')
  const release = base.slice(last + 1)
  const rest = last < 0 ? '' : base.slice(0, last)
  const middle = rest.lastIndexOf('-')
  if (middle >= 0) return [rest.slice(0, middle), rest.slice(middle + 1), release]
  // With fewer parts the release is missing, then the version.
  return last < 0 ? [base, '', ''] : [rest, release, '']
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
