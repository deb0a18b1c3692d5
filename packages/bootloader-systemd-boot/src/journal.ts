import type { Dir } from '@bootc-sdk/core'
import { parseBootCount } from '@bootc-sdk/core/bls'
import { defaultOf, entriesDir, readSet, type EntryFile, type OwnFile } from './entries.js'
import { isDirectory, readAll } from '@bootc-sdk/core/boot-kit'

/**
 * What a change in several steps is about, there as long as it is not done. JSON:
 * `{"old":[{"fileName","text"}],"new":[…]}`.
 */
export const journalPath = 'loader/bootc-sdk-entries.json'

export interface Journal {
  readonly old: readonly EntryFile[]
  readonly new: readonly EntryFile[]
}

/** The set that boots. */
export interface ActiveSet {
  /** Those of the list that boots, also where a change that was cut off has left more or fewer on disk. */
  readonly files: readonly OwnFile[]
  readonly onDisk: readonly OwnFile[]
  readonly foreign: readonly string[]
  readonly damaged: readonly string[]
  readonly hasDirectories: boolean
  /** A change was cut off. */
  readonly unfinished: boolean
}

/** Read the set that boots: after a cut, the one whose default would start. */
export async function readActive(dir: Dir): Promise<ActiveSet> {
  const { own, ...others } = await readSet(dir, entriesDir)
  const journal = await readJournal(dir)
  if (journal === undefined) return { ...others, onDisk: own, files: own, unfinished: false }
  const first = defaultOf(own)
  const list = [journal.new, journal.old].find((files) =>
    files.some((file) => first !== undefined && isSame(file, first)),
  )
  // Somebody has written other entries since: then these count.
  const files =
    list?.map((file) => own.find((other) => isSame(file, other)) ?? { ...file, id: idOf(file) }) ?? own
  return { ...others, onDisk: own, files, unfinished: true }
}

function isSame(file: EntryFile, found: OwnFile): boolean {
  return idOf(file) === found.id && file.text === found.text
}

function idOf({ fileName }: EntryFile): string {
  return parseBootCount(fileName).name
}

/** Undefined also for one that is not whole: nothing was changed before it was on disk. */
async function readJournal(dir: Dir): Promise<Journal | undefined> {
  if (!(await isDirectory(dir, 'loader')) || (await dir.stat(journalPath))?.type !== 'file') return undefined
  try {
    const value = JSON.parse((await readAll(dir, journalPath)).toString('utf8')) as Partial<Journal> | null
    return isList(value?.old) && isList(value.new) ? { old: value.old, new: value.new } : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

function isList(value: unknown): value is readonly EntryFile[] {
  return (
    Array.isArray(value) &&
    value.every((each: Partial<Record<keyof EntryFile, unknown>> | null) => {
      // A name and nothing else: it is put after the directory of entries.
      return (
        typeof each?.fileName === 'string' &&
        /^[^/]+\.conf$/i.test(each.fileName) &&
        typeof each.text === 'string'
      )
    })
  )
}
