import type { DeploymentId, StagedRecord, Sysroot } from '@bootc-sdk/core'
import { entryKargs } from './entry-kargs.js'
import { deploymentId } from './layout.js'
import { readSmall } from '@bootc-sdk/core/store-kit'
import {
  decodeStaged,
  encodeStaged,
  stagedLockedPath,
  stagedPath,
  withEntryKeys,
  type StagedFile,
  type StagedName,
} from './staged-record.js'

/** The record in /run; it may name a deployment that is gone. */
export async function readStaged({ run }: Sysroot): Promise<StagedFile | undefined> {
  const bytes = await readSmall(run, stagedPath)
  const file = bytes && decodeStaged(bytes)
  if (file === undefined || file.locked || (await run.stat(stagedLockedPath)) === undefined) return file
  return { ...file, locked: true }
}

/** Arguments that the staged deployment will boot with; `ostree=` is replaced when it is finalized. */
export async function stagedKargs(sysroot: Sysroot, file: StagedFile): Promise<readonly string[]> {
  const { kargs, mergeFrom } = file
  if (kargs !== undefined || mergeFrom === undefined) return kargs ?? []
  for (const { dir } of [sysroot.boot, ...sysroot.esps]) {
    const kargs = await entryKargs(sysroot.root, dir, deploymentId(mergeFrom.name))
    if (kargs !== undefined) return kargs
  }
  return []
}

/**
 * Write or remove the record and the lock file older versions look for. What other tools put into the record of
 * the same deployment is kept.
 */
export async function writeStaged(
  sysroot: Sysroot,
  record: StagedRecord | undefined,
  resolve: (id: DeploymentId) => Promise<StagedName>,
): Promise<void> {
  const { run } = sysroot
  if (record === undefined) {
    await run.remove(stagedPath)
    await run.remove(stagedLockedPath)
    return
  }
  const old = await readStaged(sysroot)
  const target = await resolve(record.id)
  const same = old !== undefined && deploymentId(old.target.name) === record.id
  const bytes = encodeStaged({
    target,
    ...(record.mergeFrom === undefined ? {} : { mergeFrom: await resolve(record.mergeFrom) }),
    kargs: record.kargs,
    locked: record.locked,
    others: withEntryKeys(same ? old.others : [], record.extra),
  })
  if ((await run.stat('ostree')) === undefined) await run.mkdir('ostree', { mode: 0o755 })
  if (record.locked) await run.write(stagedLockedPath, new Uint8Array(0), { mode: 0o640 })
  await run.write(stagedPath, bytes, { mode: 0o644 })
  if (!record.locked) await run.remove(stagedLockedPath)
}
