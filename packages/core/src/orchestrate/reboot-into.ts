import type { DeploymentId, OpOptions, Warning } from '../interfaces/index.js'
import type { Writer } from './context.js'
import { requestReboot } from './reboot.js'
import { queueSoftReboot } from './soft-reboot-queue.js'
import type { SoftRebootMode } from './types.js'

/** What became of the wish to run something else soon; fields of results. */
export interface RebootFacts {
  readonly softReboot?: true
  readonly rebootRequested: boolean
  readonly warnings: readonly Warning[]
}

export const notRebooted: RebootFacts = { rebootRequested: false, warnings: [] }

/**
 * The last step of what changes the next boot: prepare a soft reboot where one is wished for (or take back one that
 * is not into this deployment), then ask for the reboot.
 *
 * @param id as of `queueSoftReboot`
 * @throws BootcError as `queueSoftReboot` does
 */
export async function rebootInto(
  writer: Writer,
  id: DeploymentId | undefined,
  wish: { readonly apply?: boolean | undefined; readonly softReboot?: SoftRebootMode | undefined },
  options: OpOptions,
): Promise<RebootFacts> {
  const soft = await queueSoftReboot(writer, id, wish.softReboot)
  const kind = soft.prepared ? 'soft' : 'full'
  const { rebootRequested, warnings } =
    wish.apply === true ? await requestReboot(writer.sysroot, options, kind) : notRebooted
  return {
    ...(soft.prepared ? { softReboot: true } : {}),
    rebootRequested,
    warnings: [...soft.warnings, ...warnings],
  }
}
