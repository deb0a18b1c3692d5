import type { BootEntry, BootSpec, Dir } from '@bootc-sdk/core'
import { isDirectory, readEntryText } from '@bootc-sdk/core/boot-kit'
import { composeOptions, parseBlsEntry, printBlsEntry, sortForGrub, sortForOstree } from '@bootc-sdk/core/bls'
import { linuxArtifact } from './artifacts.js'
import { fileNamesFor } from './file-names.js'

/** An entry to be written. */
export interface EntryFile {
  readonly fileName: string
  readonly text: string
}

/** A generated menu: in the directory above where sets are linked (there libostree puts its own), else among them. */
export const menuName = 'grub.cfg'

/** Whose entry it is: libostree's or bootc's composefs backend's, by the names these give to files. */
type Family = 'ostree' | 'bootc'

/** Files of entries in the way we write them lie in `<top>/<name>-<sha256>/`, kernels of bootc in `[bootc_composefs-]<id>/`. */
const ostreePath = /^\/+(?:boot\/+)?[^/]+\/[^/]*-[0-9a-f]{64}\//
const bootcPath = /^\/+(?:boot\/+)?(?:bootc_composefs-(?:[0-9a-f]{64}){1,2}|[0-9a-f]{128})\//
const ostreeName = /^ostree-.*\.conf$/
const bootcName = /^bootc_.*\.conf$/

/**
 * Entry files of a list, first = default. Numbers count down to 1 where a spec fixes no name, so that loaders
 * that sort by name downwards and readers that sort by version agree.
 *
 * @see ostree.md §16.1 for the order of fields
 * @throws BootcError `BOOT_ENTRY_INVALID`
 */
export function renderEntries(specs: readonly BootSpec[], volumePrefix: '/' | '/boot/'): EntryFile[] {
  const fileNames = fileNamesFor(specs)
  return specs.map((spec, index) => ({
    fileName: fileNames[index]!,
    text: renderEntry(spec, spec.bootPrefix ?? volumePrefix, specs.length - index),
  }))
}

function renderEntry(spec: BootSpec, prefix: string, number: number): string {
  const { dir, kernel, initrds, devicetree } = linuxArtifact(spec)
  const path = ({ name }: { name: string }) => `${prefix}${dir}/${name}`
  return printBlsEntry(
    {
      title: spec.title,
      // Entries are sorted by it, so it is the place in the list unless the store has its own numbering.
      version: spec.fileName === undefined ? String(number) : spec.version,
      options: composeOptions(spec.kargs, spec.rootKargs),
      ...(devicetree === undefined ? {} : { devicetree: path(devicetree) }),
      linux: path(kernel),
      initrds: initrds.map(path),
      extra: spec.extra ?? [],
    },
    spec.entrySet === 'exchange' ? 'bootc' : 'ostree',
  )
}

/** What a directory of entries holds. */
export interface EntrySet {
  /** Ours, in boot order. libostree sorts by the field `version`, which its names repeat; of bootc's only names count. */
  readonly own: readonly OwnFile[]
  /** Files of other programs, except the generated menu. */
  readonly foreign: readonly ForeignFile[]
}

export interface OwnFile extends EntryFile {
  readonly entry: BootEntry
}

export interface ForeignFile {
  readonly fileName: string
  /** Of files that are entries. */
  readonly entry?: BootEntry
}

/** Empty where there is no such directory. */
export async function readSet(dir: Dir, path: string | undefined): Promise<EntrySet> {
  if (path === undefined || !(await isDirectory(dir, path))) return { own: [], foreign: [] }
  const own: (OwnFile & { family: Family })[] = []
  const foreign: ForeignFile[] = []
  for await (const { name: fileName, stat } of dir.list(path)) {
    if (stat.type !== 'file' || fileName === menuName) continue
    const text = fileName.endsWith('.conf')
      ? await readEntryText(dir, `${path}/${fileName}`, stat.sizeBytes)
      : ''
    const entry = text === '' ? undefined : parseBlsEntry(text, fileName)
    const family = entry && familyOf(entry)
    // What a power cut left of ours: moving along it might come before those that boot.
    if (entry?.linux === undefined && hasOwnName(fileName)) continue
    if (family !== undefined) own.push({ fileName, text, entry: entry!, family })
    else foreign.push({ fileName, ...(entry === undefined ? {} : { entry }) })
  }
  const sort = own.some(({ family }) => family === 'bootc') ? sortForGrub : sortForOstree
  const files = new Map(own.map((file) => [file.entry, file]))
  const sorted = sort(own.map(({ entry }) => entry)).map((entry) => files.get(entry)!)
  return { own: sorted.map(({ family: _family, ...file }) => file), foreign }
}

/** Whether a set says exactly this, beside what other programs put there. */
export function holdsEntries({ own }: EntrySet, files: readonly EntryFile[]): boolean {
  const texts = new Map(own.map(({ fileName, text }) => [fileName, text]))
  return texts.size === files.length && files.every(({ fileName, text }) => texts.get(fileName) === text)
}

function hasOwnName(fileName: string): boolean {
  return ostreeName.test(fileName) || bootcName.test(fileName)
}

function familyOf({ fileName, linux = '' }: BootEntry): Family | undefined {
  if (ostreeName.test(fileName)) return 'ostree'
  if (bootcName.test(fileName) || bootcPath.test(linux)) return 'bootc'
  return ostreePath.test(linux) ? 'ostree' : undefined
}
