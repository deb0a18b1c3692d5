import { BootcError } from '@bootc-sdk/core'
import type { BootEntry, BootSpec, Dir } from '@bootc-sdk/core'
import { composeOptions, parseBlsEntry, printBlsEntry, sortForGrub, sortForOstree } from '@bootc-sdk/core/bls'
import { linuxArtifact } from './artifacts.js'
import { fileNamesFor } from './file-names.js'

/** An entry to be written. */
export interface EntryFile {
  readonly fileName: string
  readonly text: string
}

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

/**
 * Our entries in a directory, in boot order; empty where there is no such directory. libostree sorts by the
 * field `version`, which its file names repeat; bootc's names alone decide.
 */
export async function readEntries(dir: Dir, path: string | undefined): Promise<BootEntry[]> {
  const files = await readSet(dir, path)
  const entries = files.flatMap(({ entry }) => (entry === undefined ? [] : [entry]))
  return files.some(({ family }) => family === 'bootc') ? sortForGrub(entries) : sortForOstree(entries)
}

/** Names of what other programs put into a set, except those that new entries will have. */
export async function foreignFiles(
  dir: Dir,
  path: string | undefined,
  files: readonly EntryFile[],
): Promise<string[]> {
  const taken = new Set(files.map(({ fileName }) => fileName))
  const set = await readSet(dir, path)
  return set.flatMap(({ name, entry }) => (entry === undefined && !taken.has(name) ? [name] : []))
}

/** Whether a set says exactly this, beside what other programs put there. */
export async function holdsEntries(
  dir: Dir,
  path: string | undefined,
  files: readonly EntryFile[],
): Promise<boolean> {
  const ours = (await readSet(dir, path)).filter(({ entry }) => entry !== undefined)
  const texts = new Map(ours.map(({ name, text }) => [name, text]))
  return texts.size === files.length && files.every(({ fileName, text }) => texts.get(fileName) === text)
}

interface SetFile {
  readonly name: string
  readonly text: string
  /** Undefined for a file that is not one of our entries. */
  readonly entry?: BootEntry
  readonly family?: Family
}

async function readSet(dir: Dir, path: string | undefined): Promise<SetFile[]> {
  if (path === undefined || !(await isDirectory(dir, path))) return []
  const files: SetFile[] = []
  for await (const { name, stat } of dir.list(path)) {
    if (stat.type !== 'file') continue
    const text = name.endsWith('.conf') ? await readText(dir, `${path}/${name}`, stat.sizeBytes) : ''
    const entry = text === '' ? undefined : parseBlsEntry(text, name)
    const family = entry && familyOf(entry)
    files.push({ name, text, ...(family === undefined ? {} : { entry: entry!, family }) })
  }
  return files
}

function familyOf({ fileName, linux = '' }: BootEntry): Family | undefined {
  if (ostreeName.test(fileName)) return 'ostree'
  if (bootcName.test(fileName) || bootcPath.test(linux)) return 'bootc'
  return ostreePath.test(linux) ? 'ostree' : undefined
}

/** False also where something else is on the way. */
async function isDirectory(dir: Dir, path: string): Promise<boolean> {
  const parent = path.slice(0, path.lastIndexOf('/'))
  return (await dir.stat(parent))?.type === 'directory' && (await dir.stat(path))?.type === 'directory'
}

/** Boot entries are a few hundred bytes; anything much larger is not one. */
const maxEntryBytes = 256 * 1024

async function readText(dir: Dir, path: string, sizeBytes: number): Promise<string> {
  if (sizeBytes > maxEntryBytes) {
    throw new BootcError('BOOT_ENTRY_INVALID', `boot entry ${path} has ${sizeBytes} bytes`, {
      details: { path, sizeBytes },
    })
  }
  const chunks: Uint8Array[] = []
  for await (const chunk of dir.read(path)) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}
