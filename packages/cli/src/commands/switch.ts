import type { ChangeResult, SoftRebootMode } from '@bootc-sdk/core'
import { UsageError, type Cli } from '../io.js'
import { imgrefOf, parseImgref } from '../imgref.js'
import { openSystem, type NetworkOptions, type SystemOptions } from './open-system.js'
import { prepareForWrite } from './prepare-for-write.js'
import { changeLines, printWarnings, softRebootLines } from './print-change.js'
import { waitForReboot } from './reboot.js'
import { withProgress, type ProgressOptions } from './with-progress.js'

interface SwitchFlags extends SystemOptions, NetworkOptions, ProgressOptions {
  readonly transport: string
  readonly enforceContainerSigpolicy?: boolean
  readonly retain?: boolean
  readonly apply?: boolean
  readonly mutateInPlace?: boolean
  readonly store?: string
  readonly softReboot?: SoftRebootMode
  readonly dryRun?: boolean
  readonly json?: boolean
}

/** `bootc-sdk switch`. */
export async function switchImage(cli: Cli, options: SwitchFlags, target?: string): Promise<void> {
  const reference = target === undefined ? undefined : switchTarget(options, target)
  if (options.store === undefined && reference === undefined) {
    throw new UsageError('an image to follow is needed')
  }
  if (options.store === undefined && options.dryRun === true) throw new UsageError('--dry-run needs --store')
  if (options.store !== undefined && options.dryRun === true) {
    const { printMovePlan } = await import('./print-move-plan.js')
    const bootc = await openSystem(cli, options, options)
    return printMovePlan(cli, await bootc.planMove(options.store, { target: reference }), options)
  }
  await prepareForWrite(cli, options)
  if (options.store !== undefined) {
    const { store } = options
    const bootc = await openSystem(cli, options, options)
    const result = await withProgress(cli, options, true, (_progress, operation) =>
      bootc.moveToStore(store, { ...operation, target: reference, apply: options.apply === true }),
    )
    return printChange(cli, result)
  }
  if (reference === undefined) throw new UsageError('an image to follow is needed')
  if (options.mutateInPlace === true) {
    const { mutateInPlace } = await import('./mutate-in-place.js')
    return mutateInPlace(cli, options, reference)
  }
  const bootc = await openSystem(cli, options, options)
  const result = await withProgress(cli, options, true, (_progress, operation) =>
    bootc.switch(reference, {
      ...operation,
      apply: options.apply === true,
      retain: options.retain === true,
      softReboot: options.softReboot,
    }),
  )
  await printChange(cli, result)
}

async function printChange(cli: Cli, result: ChangeResult): Promise<void> {
  await printWarnings(cli, result.warnings)
  for (const line of [...changeLines(result), ...softRebootLines(result)]) await cli.out.write(`${line}\n`)
  await waitForReboot(cli, result.rebootRequested)
}

/** The name belongs to --transport; forms that bring their own transport are taken as they are. */
function switchTarget(options: SwitchFlags, target: string): ReturnType<typeof parseImgref> {
  const enforce = options.enforceContainerSigpolicy === true
  if (options.transport === 'registry' && /^(docker:\/\/|ostree-[a-z-]+:)/.test(target)) {
    const reference = parseImgref(target)
    return enforce ? { ...reference, signature: { kind: 'containerPolicy' } } : reference
  }
  return imgrefOf(options.transport, target, enforce)
}
