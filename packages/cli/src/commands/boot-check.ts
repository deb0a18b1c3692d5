import { isBootcError, type BootCheckResult, type Warning } from '@bootc-sdk/core'
import { healthGate, type HealthGate } from '@bootc-sdk/core/health'
import { failureLine } from '@bootc-sdk/core/host-api'
import { nodeDir } from '@bootc-sdk/core/node'
import { printable } from '../format.js'
import type { Cli } from '../io.js'
import { openSystem, type SystemOptions } from './open-system.js'
import { prepareForRead, prepareForWrite } from './prepare-for-write.js'
import { printWarnings } from './print-change.js'

interface BootCheckFlags extends SystemOptions {
  readonly reboot?: boolean
  readonly onlyReport?: boolean
  readonly timeout: number
  readonly failed?: string
  readonly json?: boolean
}

/** `bootc-sdk boot-check`: the last line of an unhealthy boot says why. */
export async function bootCheck(cli: Cli, options: BootCheckFlags): Promise<number> {
  const unmounted = await prepare(cli, options)
  const bootc = await openSystem(cli, options)
  const result = await bootc.bootCheck({
    gate: gateOf(options),
    reboot: options.reboot === true,
    onlyReport: options.onlyReport === true,
    signal: cli.signal,
  })
  if (options.json === true) {
    await cli.out.write(`${JSON.stringify(result)}\n`)
  } else {
    await printWarnings(cli, [...unmounted, ...result.warnings])
    for (const line of bootCheckLines(result))
      await cli.out.write(`${journalPrefix(cli, line)}${line.text}\n`)
  }
  // No waiting for the reboot: a service that ends with an error keeps boot-complete.target from being reached.
  return result.healthy ? 0 : 1
}

/** A disk that cannot be written any more is what a check is for: it must not end here. */
async function prepare(cli: Cli, options: BootCheckFlags): Promise<readonly Warning[]> {
  if (options.onlyReport === true) return prepareForRead(options)
  try {
    return await prepareForWrite(cli, options)
  } catch (error) {
    if (!isBootcError(error, 'SYSROOT_READ_ONLY')) throw error
    return [{ code: 'trial:not-recorded', message: error.message }]
  }
}

/** Checks are those of the running system, wherever its deployments are. */
function gateOf({ failed, timeout }: BootCheckFlags): HealthGate {
  if (failed === undefined) return healthGate({ root: nodeDir('/'), timeoutMs: Math.max(timeout, 1) * 1000 })
  const report = { healthy: false, checks: [], warnings: [], reason: failed.trim() || 'no reason was given' }
  return { check: () => Promise.resolve(report) }
}

export interface BootCheckLine {
  readonly text: string
  readonly isBad: boolean
}

export function bootCheckLines(result: BootCheckResult): BootCheckLine[] {
  const good = (text: string): BootCheckLine => ({ text: printable(text), isBad: false })
  const bad = (text: string): BootCheckLine => ({ text: printable(text), isBad: true })
  const { report, count } = result
  return [
    ...result.fellBackFrom.map((failed) =>
      bad(
        `Fell back from ${failed.reference ?? failed.deployment}${failed.version === undefined ? '' : ` ${failed.version}`}, which failed: ${failureLine(failed)}`,
      ),
    ),
    ...(result.finalizeFailure === undefined
      ? []
      : [bad(`The last update was not finalized: ${result.finalizeFailure.message}`)]),
    ...report.checks.flatMap((check) =>
      check.outcome === 'passed'
        ? [good(`passed: ${check.path}`)]
        : [
            bad(`${check.outcome}: ${check.path}`),
            ...check.output
              .split('\n')
              .filter((line) => line.trim() !== '')
              .map((line) => bad(`  ${line}`)),
          ],
    ),
    ...result.reactions.flatMap((run) =>
      run.outcome === 'passed' ? [good(`ran: ${run.path}`)] : [bad(`${run.outcome}: ${run.path}`)],
    ),
    report.healthy
      ? good(result.verdict === 'passed' ? 'This boot is healthy; its trial is over' : 'This boot is healthy')
      : bad(`This boot is not healthy: ${report.reason ?? 'no reason was given'}`),
    ...(report.healthy || count === undefined
      ? []
      : [
          bad(
            count.left > 0
              ? `It is on trial, with ${count.left} more ${count.left === 1 ? 'try' : 'tries'}`
              : 'It was the last try: the next boot falls back',
          ),
        ]),
    ...(result.rebootRequested ? [bad('Rebooting')] : []),
  ]
}

/** Under systemd a number in front is the priority of the line in the journal. */
function journalPrefix(cli: Cli, { isBad }: BootCheckLine): string {
  return cli.env['JOURNAL_STREAM'] === undefined || cli.out.isTerminal ? '' : isBad ? '<3>' : '<6>'
}
