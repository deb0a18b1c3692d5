import { isBootcError } from '../errors.js'
import type { Sysroot, Warning } from '../interfaces/index.js'
import type { Writer } from './context.js'
import { finalizeStamp, maxMessage, readHealing, removeFinalizeStamp } from './trial-file.js'
import { timeOf, tryWriteHealing } from './trial-start.js'

/**
 * Leave word of a failed finalize for the next boot: at shutdown nobody reads the console any more. In the record,
 * and where deployments are libostree's also on the boot volume, where its own tools look.
 */
export async function leaveFinalizeFailure(
  writer: Pick<Writer, 'sysroot' | 'lock'>,
  error: unknown,
): Promise<void> {
  const text = error instanceof Error ? error.message : String(error)
  const message = text.trim().slice(0, maxMessage) || 'no message was left'
  try {
    await leaveStamp(writer.sysroot, message)
    const { problem: _, ...healing } = await readHealing(writer.sysroot)
    await tryWriteHealing(writer, { ...healing, finalizeFailure: { message, at: timeOf(writer) } })
  } catch {
    // The finalize's own failure is what matters, and it is being thrown.
  }
}

async function leaveStamp({ boot }: Pick<Sysroot, 'boot'>, message: string): Promise<void> {
  try {
    if ((await boot.dir.stat('ostree')) === undefined) return
    await boot.dir.write(finalizeStamp, Buffer.from(message), { mode: 0o644 })
    await boot.dir.sync()
  } catch (error) {
    // The record may still take it.
    if (!isBootcError(error)) throw error
  }
}

/** A finalize that works ends the matter. */
export async function forgetFinalizeFailure(
  writer: Pick<Writer, 'sysroot' | 'lock'>,
): Promise<readonly Warning[]> {
  const { finalizeFailure, problem: _, ...healing } = await readHealing(writer.sysroot)
  if (finalizeFailure === undefined) return []
  const warnings = await tryWriteHealing(writer, healing)
  await removeFinalizeStamp(writer.lock)
  return warnings
}
