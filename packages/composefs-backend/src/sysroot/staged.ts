import type { DeploymentId, StagedRecord, Sysroot } from '@bootc-sdk/core'
import { isDeploymentId } from './layout.js'
import { kargsOf, readAllEntries } from './entries.js'
import { readText } from '@bootc-sdk/core/store-kit'

const directory = 'composefs'
/** bootc's record: `{"depl_id":"…","finalization_locked":false}`, no other keys. */
const recordPath = `${directory}/staged-deployment`
/** What it has no place for. Means nothing without a record of the same deployment. */
const notesPath = `${directory}/bootc-sdk-staged-deployment`

interface Notes {
  readonly id: DeploymentId
  readonly mergeFrom?: DeploymentId
  readonly kargs: readonly string[]
  readonly extra?: NonNullable<StagedRecord['extra']>
}

/**
 * What waits in /run. A record that bootc wrote is completed: kernel arguments are those of its entry in the
 * set that is prepared, /etc comes from the deployment that runs.
 *
 * @param running the one that runs
 */
export async function readStaged(
  { run, boot, esps }: Pick<Sysroot, 'run' | 'boot' | 'esps'>,
  running: () => Promise<DeploymentId | undefined>,
): Promise<StagedRecord | undefined> {
  const record = parseRecord(await readText(run, recordPath))
  if (record === undefined) return undefined
  const notes = parseNotes(await readText(run, notesPath))
  if (notes?.id === record.id) return { ...record, ...notes }
  const mergeFrom = await running()
  return { ...record, ...(mergeFrom === undefined ? {} : { mergeFrom }), kargs: await kargsFound() }

  async function kargsFound(): Promise<readonly string[]> {
    for (const [set, id] of [
      ['staged', record!.id],
      ['active', mergeFrom],
    ] as const) {
      const entries = await readAllEntries({ boot, esps }, set)
      const found = entries.find((entry) => entry.id === id)
      if (found !== undefined) return kargsOf(found)
    }
    return []
  }
}

export async function writeStaged(
  { run }: Pick<Sysroot, 'run'>,
  record: StagedRecord | undefined,
): Promise<void> {
  if (record === undefined) {
    await run.remove(recordPath)
    await run.remove(notesPath)
    return
  }
  const { id, mergeFrom, kargs, locked, extra } = record
  const notes: Notes = {
    ...{ id, ...(mergeFrom === undefined ? {} : { mergeFrom }), kargs },
    ...(extra === undefined ? {} : { extra }),
  }
  if ((await run.stat(directory)) === undefined) await run.mkdir(directory, { mode: 0o755 })
  await run.write(notesPath, Buffer.from(JSON.stringify(notes)), { mode: 0o644 })
  const text = JSON.stringify({ depl_id: id, finalization_locked: locked })
  await run.write(recordPath, Buffer.from(text), { mode: 0o644 })
}

function parseRecord(text: string | undefined): { id: DeploymentId; locked: boolean } | undefined {
  const record = parseObject(text)
  const id = record?.['depl_id']
  if (typeof id !== 'string' || !isDeploymentId(id)) return undefined
  return { id, locked: record!['finalization_locked'] === true }
}

function parseNotes(text: string | undefined): Notes | undefined {
  const { id, mergeFrom, kargs, extra } = parseObject(text) ?? {}
  if (typeof id !== 'string' || !isStrings(kargs)) return undefined
  return {
    ...{ id, kargs, ...(typeof mergeFrom === 'string' ? { mergeFrom } : {}) },
    ...(isPairs(extra) ? { extra } : {}),
  }
}

function isPairs(value: unknown): value is NonNullable<Notes['extra']> {
  return Array.isArray(value) && value.every((pair) => isStrings(pair) && pair.length === 2)
}

function isStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string')
}

function parseObject(text: string | undefined): Readonly<Record<string, unknown>> | undefined {
  if (text === undefined) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
