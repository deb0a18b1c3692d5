import { BootcError } from '../errors.js'
import type { Warning } from '../interfaces/index.js'
import type { SignedImageReference } from '../oci/reference.js'
import { afterwards, announce } from './announce.js'
import { deployPulled, noChange, pullForHost, resolveForHost } from './change.js'
import { checkForUpdate } from './check-update.js'
import { assertBooted, withWriter, type Context, type Writer } from './context.js'
import { upgradeTarget } from './followed.js'
import type { HostEntry } from './host-state.js'
import { factsOfDeployment, factsOfImage } from './image-facts.js'
import type { PullResult } from './pull-types.js'
import { rebootInto } from './reboot-into.js'
import { forgiveImage, standingFailure } from './trial-failed.js'
import { settleTrials } from './trial-settle.js'
import { twinOf } from './twin.js'
import type { ChangeResult, UpgradeOptions } from './types.js'

/** `bootc upgrade`: follow what the host follows (bootc.md §7). */
export async function upgrade(context: Context, options: UpgradeOptions): Promise<ChangeResult> {
  assertCompatible(options)
  if (options.check === true) return checkForUpdate(context, options)
  return withWriter(context, options, async (before) => {
    assertBooted(before)
    if (options.fromDownloaded === true) return unlockStaged(before, options)
    // What the loader has given up on must be known as failed before anything newer is looked for.
    const { writer, warnings: settled } = await settleTrials(before, options)
    const origin = upgradeTarget(writer.state, options.tag)
    const refused = await refuseKnownBad(writer, origin, options)
    if (refused !== undefined) return withWarnings(refused, settled)
    const pull = await pullForHost(writer, origin, options)
    const forgiven = options.retryFailed === true ? await forgiveImage(writer, pull.image) : []
    return withWarnings(await stagePulled(writer, pull, origin, options), [...settled, ...forgiven])
  })
}

/** Nothing is fetched of an image that failed here. Asked only where something did: it costs a request. */
async function refuseKnownBad(
  writer: Writer,
  origin: SignedImageReference,
  options: UpgradeOptions,
): Promise<ChangeResult | undefined> {
  const anyFailed = (writer.state.healing?.failed.length ?? 0) > 0
  if (!anyFailed || options.retryFailed === true) return undefined
  const resolved = await resolveForHost(writer, origin, options)
  const failed = standingFailure(writer.state, resolved)
  return failed && noChange('known-bad', { image: factsOfImage(resolved, origin), failed })
}

async function stagePulled(
  writer: Writer,
  pull: PullResult,
  origin: SignedImageReference,
  options: UpgradeOptions,
): Promise<ChangeResult> {
  const digest = pull.image.manifestDigest
  const facts = { pull, image: factsOfImage(pull.image, origin), warnings: pull.warnings }
  const { staged, anchor } = writer.state
  const digestOf = (entry: HostEntry | undefined) => entry?.deployment.image?.manifestDigest
  if (staged !== undefined && digestOf(staged) === digest) {
    return keepStaged(writer, staged, facts, options)
  }
  if (digestOf(anchor) === digest) return noChange('up-to-date', facts)
  // Other layers or labels, the same root: nothing that would be different after a reboot.
  const twin = await twinOf(writer, pull.image, options)
  if (twin?.staged === true) return keepStaged(writer, twin, facts, options)
  if (twin !== undefined && twin.id === anchor?.id) return noChange('up-to-date', facts)
  const locked = options.downloadOnly === true
  // Without a shutdown to wait for there is nothing to lock: the image is in the store, that is all.
  if (locked && !writer.state.live) return noChange('downloaded', facts)
  return deployPulled(
    writer,
    pull,
    {
      ...{ origin, retainOrigin: false, locked },
      apply: options.apply === true,
      softReboot: options.softReboot,
    },
    options,
  )
}

function withWarnings(result: ChangeResult, warnings: readonly Warning[]): ChangeResult {
  return warnings.length === 0 ? result : { ...result, warnings: [...warnings, ...result.warnings] }
}

function assertCompatible(options: UpgradeOptions): void {
  const { check, apply, downloadOnly, fromDownloaded, softReboot } = options
  const given = Object.entries({ check, apply, downloadOnly, fromDownloaded }).filter(
    ([, value]) => value === true,
  )
  const names = given.map(([name]) => name)
  if (softReboot !== undefined && (check === true || downloadOnly === true)) names.push('softReboot')
  const allowed =
    names.length < 2 || (names.length === 2 && names.includes('apply') && names.includes('fromDownloaded'))
  if (allowed) return
  throw new BootcError('DEPLOY_OPTIONS_CONFLICT', `${names.join(' and ')} cannot be used together`, {
    details: { options: names },
  })
}

/** The same image is staged already: only its lock may have to change. */
async function keepStaged(
  writer: Writer,
  staged: HostEntry,
  facts: Partial<ChangeResult>,
  options: UpgradeOptions,
): Promise<ChangeResult> {
  const locked = options.downloadOnly === true
  const lockChanged = await setLocked(writer, staged, locked)
  const reboot = await rebootInto(writer, locked ? undefined : staged.id, options, options)
  return noChange('already-staged', {
    ...facts,
    deployment: staged.id,
    ...(lockChanged ? { lockChanged: locked ? 'locked' : 'unlocked' } : {}),
    ...reboot,
    warnings: [...(facts.warnings ?? []), ...reboot.warnings],
  })
}

/** `--from-downloaded`: no network. */
async function unlockStaged(writer: Writer, options: UpgradeOptions): Promise<ChangeResult> {
  const { staged } = writer.state
  if (staged === undefined) throw new BootcError('DEPLOY_NOTHING_STAGED', 'No staged deployment found')
  const { image, origin } = staged.deployment
  const facts = image === undefined || origin === undefined ? undefined : factsOfDeployment(image, origin)
  return keepStaged(writer, staged, facts === undefined ? {} : { image: facts }, {
    ...options,
    downloadOnly: false,
  })
}

async function setLocked(writer: Writer, staged: HostEntry, locked: boolean): Promise<boolean> {
  const { store, state, lock, sysroot } = writer
  const record = state.stagedRecord
  if (record === undefined || record.locked === locked) return false
  await store.deployments.setStaged({ ...record, locked }, lock)
  const digest = locked ? undefined : staged.deployment.image?.manifestDigest
  await afterwards(() => announce(sysroot, digest))
  return true
}
