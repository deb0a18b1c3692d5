import { BootcError } from '@bootc-sdk/core'
import type { BootEntry, BootSpec, BootVersion, Dir } from '@bootc-sdk/core'
import { composeOptions, parseBlsEntry, printBlsEntry, sortForOstree } from '@bootc-sdk/core/bls'
import { linuxArtifact } from './artifacts.js'
import { entriesDir } from './volume.js'

/** An entry to be written. */
export interface EntryFile {
  readonly fileName: string
  readonly text: string
}

/** Files of entries in the way we write them lie in `<top>/<name>-<sha256>/`. */
const ourPath = /^\/+(?:boot\/+)?[^/]+\/[^/]*-[0-9a-f]{64}\//
const ourName = /^ostree-.*\.conf$/

/**
 * Entry files of a list, first = default. Numbers count down to 1 where a spec fixes no name, so that loaders
 * that sort by name downwards and readers that sort by version agree.
 *
 * @see ostree.md §16.1 for the order of fields
 */
export function renderEntries(specs: readonly BootSpec[], volumePrefix: '/' | '/boot/'): EntryFile[] {
  const files = specs.map((spec, index) => ({
    fileName: spec.fileName ?? `ostree-${specs.length - index}.conf`,
    text: renderEntry(spec, spec.bootPrefix ?? volumePrefix, specs.length - index),
  }))
  if (new Set(files.map(({ fileName }) => fileName)).size === files.length) return files
  throw new BootcError('BOOT_ENTRY_INVALID', 'two boot entries would have the same file name', {
    details: { fileNames: files.map(({ fileName }) => fileName) },
  })
}

function renderEntry(spec: BootSpec, prefix: string, number: number): string {
  const { dir, kernel, initrds, devicetree } = linuxArtifact(spec)
  const path = ({ name }: { name: string }) => `${prefix}${dir}/${name}`
  return printBlsEntry({
    title: spec.title,
    // Entries are sorted by it, so it is the place in the list unless the store has its own numbering.
    version: spec.fileName === undefined ? String(number) : spec.version,
    options: composeOptions(spec.kargs, spec.rootKargs),
    ...(devicetree === undefined ? {} : { devicetree: path(devicetree) }),
    linux: path(kernel),
    initrds: initrds.map(path),
    extra: spec.extra ?? [],
  })
}

/** Our entries of a set in boot order; empty where there is no such set. */
export async function readEntries(dir: Dir, version: BootVersion): Promise<BootEntry[]> {
  const entries = (await readSet(dir, version)).flatMap(({ entry }) => (entry === undefined ? [] : [entry]))
  return sortForOstree(entries)
}

/** Names of what other programs put into a set, except those that new entries will have. */
export async function foreignFiles(
  dir: Dir,
  version: BootVersion,
  files: readonly EntryFile[],
): Promise<string[]> {
  const taken = new Set(files.map(({ fileName }) => fileName))
  const set = await readSet(dir, version)
  return set.flatMap(({ name, entry }) => (entry === undefined && !taken.has(name) ? [name] : []))
}

/** Whether a set says exactly this, beside what other programs put there. */
export async function holdsEntries(
  dir: Dir,
  version: BootVersion,
  files: readonly EntryFile[],
): Promise<boolean> {
  const ours = (await readSet(dir, version)).filter(({ entry }) => entry !== undefined)
  const texts = new Map(ours.map(({ name, text }) => [name, text]))
  return texts.size === files.length && files.every(({ fileName, text }) => texts.get(fileName) === text)
}

interface SetFile {
  readonly name: string
  readonly text: string
  /** Undefined for a file that is not one of our entries. */
  readonly entry?: BootEntry
}

async function readSet(dir: Dir, version: BootVersion): Promise<SetFile[]> {
  const path = entriesDir(version)
  if ((await dir.stat(path))?.type !== 'directory') return []
  const files: SetFile[] = []
  for await (const { name, stat } of dir.list(path)) {
    if (stat.type !== 'file') continue
    const text = name.endsWith('.conf') ? await readText(dir, `${path}/${name}`, stat.sizeBytes) : ''
    const entry = text === '' ? undefined : parseOurs(name, text)
    files.push({ name, text, ...(entry === undefined ? {} : { entry }) })
  }
  return files
}

function parseOurs(fileName: string, text: string): BootEntry | undefined {
  const entry = parseBlsEntry(text, fileName)
  return ourName.test(fileName) || ourPath.test(entry.linux ?? '') ? entry : undefined
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
