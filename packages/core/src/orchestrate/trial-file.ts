import { isBootcError } from '../errors.js'
import type { Sysroot, SysrootLock } from '../interfaces/index.js'
import { readText, replaceFile, replaceTemporary } from '../store-kit/index.js'
import { noHealing, parseTrialRecord, printTrialRecord } from './trial-record.js'
import type { HealingFacts } from './trial-types.js'

/** Below the physical root, whatever store is in use: a fallback may be in another one. */
const directory = '.bootc-sdk'
export const trialFile = `${directory}/trials.json`

/** Where libostree (and `finalize` here) leaves the message of a failed finalize, on the boot volume. */
export const finalizeStamp = 'ostree/finalize-failure.stamp'

/** Of a message that somebody left, in characters. */
export const maxMessage = 1000

/** Trials and failures as written down, with what a shutdown left on the boot volume. Never throws for content. */
export async function readHealing(sysroot: Pick<Sysroot, 'root' | 'boot'>): Promise<HealingFacts> {
  const [record, stamp] = [await readRecord(sysroot), await readStamp(sysroot)]
  if (stamp === undefined) return record
  // The stamp is the newer: a boot that reports one takes it away. A finalize of ours leaves both.
  const known = record.finalizeFailure
  const isSame = known?.message === stamp && known.reportedIn === undefined
  return { ...record, finalizeFailure: isSame ? known : { message: stamp } }
}

async function readRecord({ root }: Pick<Sysroot, 'root'>): Promise<HealingFacts> {
  try {
    const stat = await root.stat(trialFile)
    if (stat === undefined) return noHealing
    if (stat.type !== 'file') return { ...noHealing, problem: `is a ${stat.type}, not a file` }
    return parseTrialRecord((await readText(root, trialFile)) ?? '')
  } catch (error) {
    if (!isBootcError(error)) throw error
    return { ...noHealing, problem: `cannot be read: ${error.message}` }
  }
}

async function readStamp({ boot }: Pick<Sysroot, 'boot'>): Promise<string | undefined> {
  try {
    const text = await readText(boot.dir, finalizeStamp)
    return text === undefined ? undefined : text.trim().slice(0, maxMessage) || 'no message was left'
  } catch (error) {
    if (!isBootcError(error)) throw error
    return undefined
  }
}

/** Replace the record; one that says nothing is removed. A power cut leaves the old or the new one. */
export async function writeHealing(lock: SysrootLock, facts: HealingFacts): Promise<void> {
  const { root } = lock.sysroot
  if (isEmpty(facts)) {
    if ((await root.stat(directory))?.type !== 'directory') return
    if ((await root.stat(trialFile)) === undefined) return
    await root.remove(trialFile)
    await root.sync()
    return
  }
  const stat = await root.stat(directory)
  if (stat !== undefined && stat.type !== 'directory') await root.remove(directory)
  if (stat?.type !== 'directory') await root.mkdir(directory, { mode: 0o755 })
  // A directory or link in its place is nothing that a file could replace.
  const old = await root.stat(trialFile)
  if (old !== undefined && old.type !== 'file') await root.remove(trialFile)
  await replaceFile(root, trialFile, Buffer.from(printTrialRecord(facts)), 0o644)
}

/** What an interrupted write left. */
export async function cleanHealing({ sysroot: { root } }: SysrootLock): Promise<void> {
  if ((await root.stat(directory))?.type === 'directory')
    await root.remove(`${directory}/${replaceTemporary}`)
}

export function isEmpty({ trials, failed, finalizeFailure }: HealingFacts): boolean {
  return trials.length === 0 && failed.length === 0 && finalizeFailure === undefined
}

/** Take the stamp away once it is written down elsewhere. */
export async function removeFinalizeStamp({ sysroot }: SysrootLock): Promise<void> {
  const { dir } = sysroot.boot
  if ((await dir.stat('ostree'))?.type !== 'directory' || (await dir.stat(finalizeStamp)) === undefined)
    return
  await dir.remove(finalizeStamp)
  await dir.sync()
}
