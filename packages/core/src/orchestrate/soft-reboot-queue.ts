import { BootcError, isBootcError } from '../errors.js'
import type { DeploymentId, OpOptions, Warning } from '../interfaces/index.js'
import { assertBooted, withWriter, type Context, type Writer } from './context.js'
import type { HostEntry, HostState } from './host-state.js'
import { loadState } from './load.js'
import { requestReboot } from './reboot.js'
import type { SoftRebootMode, SoftRebootResult } from './types.js'

/** Warning code: a soft reboot was wished for, or prepared, and there will be none. */
const failedCode = 'soft-reboot:failed'

export interface QueuedSoftReboot {
  readonly prepared: boolean
  readonly warnings: readonly Warning[]
}

/**
 * Prepare a deployment that was just staged, or put first, for a soft reboot. Without a mode only what was prepared
 * for another deployment is taken back: it is no longer what should run next.
 *
 * @param id undefined: none should
 * @throws BootcError `DEPLOY_SOFT_REBOOT_REFUSED`, `DEPLOY_SOFT_REBOOT_FAILED` when it is required; the deployment is
 *   staged (or first) all the same
 */
export async function queueSoftReboot(
  writer: Writer,
  id: DeploymentId | undefined,
  mode: SoftRebootMode | undefined,
): Promise<QueuedSoftReboot> {
  if (mode === undefined && writer.state.softRebootTarget === undefined)
    return { prepared: false, warnings: [] }
  // What was loaded before is not what there is now.
  const state = await loadState(writer.sysroot, writer)
  const warnings: Warning[] = []
  if (mode !== undefined && id !== undefined) {
    try {
      await prepare(writer, state, id)
      return { prepared: true, warnings }
    } catch (error) {
      if (mode === 'required' || !isBootcError(error)) throw error
      if (error.code !== 'DEPLOY_SOFT_REBOOT_REFUSED') warnings.push(warningOf(error))
    }
  }
  const prepared = mode === undefined && id !== undefined && state.softRebootTarget === id
  return { prepared, warnings: prepared ? warnings : [...warnings, ...(await dropSoftReboot(writer, state))] }
}

/** At shutdown, after /etc of a deployment was made anew: the one that is mounted is not that one. */
export async function renewSoftReboot(writer: Writer, id: DeploymentId): Promise<readonly Warning[]> {
  const { softRebootTarget } = writer.state
  if (softRebootTarget === undefined) return []
  const state = await loadState(writer.sysroot, writer)
  try {
    if (softRebootTarget === id) {
      await prepare(writer, state, id)
      return []
    }
  } catch (error) {
    if (!isBootcError(error)) throw error
    return [warningOf(error), ...(await dropSoftReboot(writer, state))]
  }
  return dropSoftReboot(writer, state)
}

/** `bootc internals prep-soft-reboot ID`. */
export function prepareSoftReboot(
  context: Context,
  id: DeploymentId,
  options: OpOptions & { readonly apply?: boolean },
): Promise<SoftRebootResult> {
  return withWriter(context, options, async (writer) => {
    assertBooted(writer)
    await prepare(writer, writer.state, id)
    const reboot =
      options.apply === true ? await requestReboot(writer.sysroot, options, 'soft') : { warnings: [] }
    return { changed: true, deployment: id, rebootRequested: false, ...reboot }
  })
}

/** Take back what was prepared. */
export function resetSoftReboot(context: Context, options: OpOptions): Promise<SoftRebootResult> {
  return withWriter(context, options, async ({ state, store, lock }) => {
    const target = state.softRebootTarget
    if (target === undefined) return { changed: false, rebootRequested: false, warnings: [] }
    await store.deployments.softReboot?.reset(lock)
    return { changed: true, deployment: target, rebootRequested: false, warnings: [] }
  })
}

async function prepare({ store, lock }: Writer, state: HostState, id: DeploymentId): Promise<void> {
  const { softReboot } = store.deployments
  const entry = entryOf(state, id)
  const obstacle =
    entry === undefined
      ? ({ reason: 'broken', message: `there is no deployment ${id}` } as const)
      : entry.softRebootObstacle
  if (entry === undefined || softReboot === undefined || obstacle !== undefined) {
    const { reason = 'store', message = 'the store cannot prepare one' } = obstacle ?? {}
    const what = entry?.staged === true ? 'staged' : id === state.rollback?.id ? 'rollback' : id
    throw new BootcError(
      'DEPLOY_SOFT_REBOOT_REFUSED',
      `Soft reboot was required but ${what} deployment is not soft-reboot capable: ${message}`,
      { details: { deployment: id, reason } },
    )
  }
  if (entry.locked) {
    throw new BootcError(
      'DEPLOY_SOFT_REBOOT_REFUSED',
      'Soft reboot was required but staged deployment is locked: it would not be finalized',
      { details: { deployment: id, reason: 'locked' } },
    )
  }
  // One that is staged may have no /etc to mount before it is finalized.
  await store.deployments.etc(id, lock)
  await softReboot.prepare({ id, kargs: entry.kargs }, lock)
}

function entryOf(state: HostState, id: DeploymentId): HostEntry | undefined {
  return [state.staged, ...state.order, ...state.others].find((entry) => entry?.id === id)
}

async function dropSoftReboot(
  { store, lock }: Writer,
  { softRebootTarget }: HostState,
): Promise<readonly Warning[]> {
  if (softRebootTarget === undefined) return []
  try {
    await store.deployments.softReboot?.reset(lock)
    return []
  } catch (error) {
    if (!isBootcError(error)) throw error
    return [warningOf(error)]
  }
}

function warningOf(error: BootcError): Warning {
  return { code: failedCode, message: error.message, details: { ...error.details } }
}
