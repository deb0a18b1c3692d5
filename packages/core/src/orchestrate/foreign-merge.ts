import type { Dir, StagedRecord } from '../interfaces/index.js'
import { readText } from '../store-kit/read-text.js'

/**
 * Which deployment of another store a staged one inherits from. Records of stores are formats of others and can
 * name their own deployments only, so this is kept beside them, and lost at reboot with them.
 */
const path = 'bootc-sdk-merge-from.json'

export async function readForeignMerge(
  run: Dir,
  staged: StagedRecord | undefined,
): Promise<StagedRecord | undefined> {
  if (staged === undefined || staged.mergeFrom !== undefined) return staged
  const text = await readText(run, path)
  if (text === undefined) return staged
  const { id, mergeFrom } = JSON.parse(text) as { id?: unknown; mergeFrom?: unknown }
  return id === staged.id && typeof mergeFrom === 'string' ? { ...staged, mergeFrom } : staged
}

/** @param record none: forget it */
export async function writeForeignMerge(
  run: Dir,
  record: Pick<StagedRecord, 'id' | 'mergeFrom'> | undefined,
): Promise<void> {
  if (record === undefined) return run.remove(path)
  await run.write(path, Buffer.from(`${JSON.stringify({ id: record.id, mergeFrom: record.mergeFrom })}\n`), {
    mode: 0o600,
  })
}
