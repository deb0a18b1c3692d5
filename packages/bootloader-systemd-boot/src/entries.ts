import type { BootEntry, BootSpec, Dir } from '@bootc-sdk/core'
import {
  composeOptions,
  parseBlsEntry,
  parseBootCount,
  printBlsEntry,
  printBootCount,
  sortForSystemdBoot,
} from '@bootc-sdk/core/bls'
import { directoryOnVolume } from './artifacts.js'
import { inVolume, isDirectory, peText, readEntryText } from '@bootc-sdk/core/boot-kit'
import { fileNamesFor, sortKeysFor } from './names.js'

export const entriesDir = 'loader/entries'
export const stagedDir = 'loader/entries.staged'

/** An entry to be written. */
export interface EntryFile {
  /** With the count of tries, where the entry is on trial. */
  readonly fileName: string
  readonly text: string
}

/** An entry of ours as found. */
export interface OwnFile extends EntryFile {
  /** File name without the count: the loader renames files when it counts. */
  readonly id: string
}

export interface RenderOptions {
  /** Key for unified kernel images: `uki` since systemd 258. */
  readonly ukiKey: 'efi' | 'uki'
}

/** As libostree and bootc name their files, and where their kernels are. */
const ownName = /^(?:ostree-.*|bootc_.*)\.conf$/i
const ownPath =
  /^\/+(?:EFI\/Linux\/)?(?:[^/]+\/[^/]*-[0-9a-f]{64}\/|bootc_composefs-(?:[0-9a-f]{64}){1,2}\/|EFI\/Linux\/bootc\/)/i

/** Keys that this package gives, so that they are not carried from an entry into its successor. */
const ownKeys: readonly string[] = ['sort-key', 'efi', 'uki']

/**
 * Entry files of a list, first = default, in the way of bootc for every store.
 *
 * @throws BootcError `BOOT_ENTRY_INVALID`
 */
export function renderEntries(specs: readonly BootSpec[], options: RenderOptions): EntryFile[] {
  const fileNames = fileNamesFor(specs)
  const sortKeys = sortKeysFor(specs, fileNames)
  return specs.map((spec, index) => ({
    fileName: printBootCount({ name: fileNames[index]!, count: spec.count }),
    text: renderEntry(spec, { ...options, sortKey: sortKeys[index]!, number: specs.length - index }),
  }))
}

function renderEntry(
  spec: BootSpec,
  { ukiKey, sortKey, number }: RenderOptions & { sortKey: string; number: number },
): string {
  const { artifact } = spec
  const path = ({ name }: { name: string }) => `/${directoryOnVolume(spec)}/${name}`
  const kernel =
    artifact.kind === 'linux'
      ? { linux: path(artifact.kernel), initrds: artifact.initrds.map(path) }
      : { initrds: [] }
  const devicetree = artifact.kind === 'linux' ? artifact.devicetree : undefined
  const image = artifact.kind === 'uki' ? [[ukiKey, path(artifact.image)] as const] : []
  const kept = (spec.extra ?? []).filter(([key]) => !ownKeys.includes(key))
  return printBlsEntry(
    {
      title: spec.title,
      version: spec.fileName === undefined ? String(number) : spec.version,
      options: composeOptions(spec.kargs, spec.rootKargs),
      ...(devicetree === undefined ? {} : { devicetree: path(devicetree) }),
      ...kernel,
      extra: [...image, ['sort-key', sortKey], ...kept.map((pair) => movedPath(spec, pair))],
    },
    'bootc',
  )
}

/** Values below the artifact's directory (`fdtdir`) are those of the boot volume of the store's own loader. */
function movedPath(spec: BootSpec, [key, value]: readonly [string, string]): readonly [string, string] {
  const match = /^\/(?:boot\/)?(.*)$/.exec(value)?.[1]
  const isBelow = match !== undefined && match.startsWith(`${spec.artifact.dir}/`)
  return isBelow ? [key, `/${directoryOnVolume(spec)}${match.slice(spec.artifact.dir.length)}`] : [key, value]
}

/** Our entries in a directory, in the order of the menu; empty where there is no such directory. */
export async function readEntries(dir: Dir, files: readonly EntryFile[]): Promise<BootEntry[]> {
  const sorted = sortForSystemdBoot(files.map(({ fileName, text }) => parseBlsEntry(text, fileName)))
  return Promise.all(sorted.map((entry) => completed(dir, entry)))
}

/** The first in the order of the menu. */
export function defaultOf<T extends EntryFile>(files: readonly T[]): T | undefined {
  const [first] = sortForSystemdBoot(files.map(({ fileName, text }) => parseBlsEntry(text, fileName)))
  return files.find(({ fileName }) => fileName === first?.fileName)
}

async function completed(dir: Dir, entry: BootEntry): Promise<BootEntry> {
  const { count } = parseBootCount(entry.fileName)
  const uki = entry.extra.find(([key]) => key === 'efi' || key === 'uki')?.[1]
  const sealed = uki === undefined ? undefined : await cmdlineOf(dir, uki)
  return {
    ...entry,
    options: [sealed, entry.options].filter(Boolean).join(' '),
    ...(count === undefined ? {} : { count }),
    // It belongs to the place in the list, not to the entry.
    extra: entry.extra.filter(([key]) => key !== 'sort-key'),
  }
}

async function cmdlineOf(dir: Dir, path: string): Promise<string | undefined> {
  const file = inVolume(path)
  // No file of the volume; one entry that is wrong must not hide the others.
  if (/(?:^|\/)\.{1,2}(?:\/|$)|\0/.test(file)) return undefined
  const stat = (await isDirectory(dir, file.slice(0, file.lastIndexOf('/')))) && (await dir.stat(file))
  return stat && stat.type === 'file' ? (await peText(dir, file, '.cmdline'))?.trim() : undefined
}

export interface EntrySet {
  readonly own: readonly OwnFile[]
  /** Names of what other programs put there. */
  readonly foreign: readonly string[]
  /** Names of files that have our names and nothing to boot in them: what a power cut left. */
  readonly damaged: readonly string[]
  readonly hasDirectories: boolean
}

/** All files of a set of entries. */
export async function readSet(dir: Dir, path: string): Promise<EntrySet> {
  const own: OwnFile[] = []
  const foreign: string[] = []
  const damaged: string[] = []
  let hasDirectories = false
  if (!(await isDirectory(dir, path))) return { own, foreign, damaged, hasDirectories }
  for await (const { name, stat } of dir.list(path)) {
    if (stat.type === 'directory') hasDirectories = true
    if (stat.type !== 'file') continue
    const text = /\.conf$/i.test(name) ? await readEntryText(dir, `${path}/${name}`, stat.sizeBytes) : ''
    const kernel = kernelOf(text, name)
    if (kernel !== undefined && (ownName.test(name) || ownPath.test(kernel))) {
      own.push({ fileName: name, text, id: parseBootCount(name).name })
    } else if (isTemporary(name) || (kernel === undefined && ownName.test(name))) damaged.push(name)
    else foreign.push(name)
  }
  return { own, foreign, damaged, hasDirectories }
}

export async function holdsOwnEntries(dir: Dir, path: string): Promise<boolean> {
  return (await readSet(dir, path)).own.length > 0
}

/** Same entries with the same texts. Tries that the loader has counted meanwhile make no difference. */
export function sameSet(found: readonly OwnFile[], wanted: readonly EntryFile[]): boolean {
  const byId = new Map(found.map((file) => [file.id, file]))
  return (
    byId.size === wanted.length &&
    found.length === wanted.length &&
    wanted.every(({ fileName, text }) => {
      const { name, count } = parseBootCount(fileName)
      const other = byId.get(name)
      return other?.text === text && (count === undefined || other.fileName === fileName)
    })
  )
}

function kernelOf(text: string, name: string): string | undefined {
  const { linux, extra } = parseBlsEntry(text, name)
  return linux ?? extra.find(([key]) => key === 'efi' || key === 'uki')?.[1]
}

/** Names under which `Dir.write` works until a file is whole. */
export function isTemporary(name: string): boolean {
  return /^\.bootc-sdk-[^/]*\.tmp$/i.test(name)
}
