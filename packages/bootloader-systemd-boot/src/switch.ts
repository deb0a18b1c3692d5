import { isBootcError } from '@bootc-sdk/core'
import type { Dir } from '@bootc-sdk/core'
import { entriesDir, stagedDir, type EntryFile } from './entries.js'
import { makeDirs } from '@bootc-sdk/core/boot-kit'
import { journalPath, readActive, type ActiveSet, type Journal } from './journal.js'
import { sameName, stepsBetween } from './steps.js'

/** Write a set of entries that does not boot yet, in place of what was there. */
export async function writeStaged(dir: Dir, files: readonly EntryFile[], active: ActiveSet): Promise<void> {
  await makeDirs(dir, entriesDir)
  await dir.remove(stagedDir)
  await makeDirs(dir, stagedDir)
  for (const { fileName, text } of files) {
    await dir.write(`${stagedDir}/${fileName}`, Buffer.from(text), { atomic: false })
  }
  // What other programs have there goes with the directory.
  for (const fileName of active.foreign) {
    if (files.some((file) => sameName(file, { fileName }))) continue
    await dir.copy(`${entriesDir}/${fileName}`, `${stagedDir}/${fileName}`, { atomic: false })
  }
}

/**
 * Make the prepared set the one that boots: by exchanging two directories where the file system can, else step
 * by step.
 */
export async function switchTo(dir: Dir, files: readonly EntryFile[]): Promise<void> {
  const active = await readActive(dir)
  await dir.sync()
  if (!dir.supports.exchange || active.hasDirectories || !(await exchange(dir))) {
    await stepwise(dir, active, files)
  }
  // Other tools would take what is left for an update that waits.
  await dir.remove(stagedDir)
  await dir.sync()
}

/** Bring a change that was cut off to the end that would boot. */
export async function recover(dir: Dir): Promise<void> {
  const active = await readActive(dir)
  if (active.unfinished) {
    await writeStaged(dir, active.files, active)
    await dir.sync()
    await stepwise(dir, active, active.files)
    // What was not needed is no update that waits.
    await dir.remove(stagedDir)
    await dir.sync()
  } else await dir.remove(journalPath)
}

/** @returns false where kernel or file system does not know the call */
async function exchange(dir: Dir): Promise<boolean> {
  try {
    await dir.rename(stagedDir, entriesDir, { exchange: true })
  } catch (error) {
    if (isUnknownCall(error)) return false
    throw error
  }
  await dir.sync()
  return true
}

function isUnknownCall(error: unknown): boolean {
  if (isBootcError(error, 'TREE_UNSUPPORTED')) return true
  const cause: unknown = isBootcError(error, 'TREE_IO') ? error.cause : undefined
  return cause instanceof Error && 'code' in cause && cause.code === 'EINVAL'
}

async function stepwise(dir: Dir, active: ActiveSet, files: readonly EntryFile[]): Promise<void> {
  const steps = stepsBetween(active.onDisk, files)
  const changes = steps.some(({ kind }) => kind !== 'sync')
  // Recovery has one already, and what that says is still true.
  if (changes && !active.unfinished) {
    const journal: Journal = {
      old: active.files.map(({ fileName, text }) => ({ fileName, text })),
      new: files,
    }
    await dir.write(journalPath, Buffer.from(JSON.stringify(journal)))
    await dir.sync()
  }
  for (const step of steps) {
    if (step.kind === 'sync') await dir.sync()
    else if (step.kind === 'remove') await dir.remove(`${entriesDir}/${step.fileName}`)
    else await dir.rename(`${stagedDir}/${step.file.fileName}`, `${entriesDir}/${step.file.fileName}`)
  }
  await dir.remove(journalPath)
}
