import type { KargsResult } from '@bootc-sdk/core'
import { printable } from '../format.js'
import { UsageError, type Cli } from '../io.js'
import { openSystem, type SystemOptions } from './open-system.js'
import { prepareForWrite } from './prepare-for-write.js'
import { printWarnings } from './print-change.js'

interface KargsFlags extends SystemOptions {
  readonly append?: readonly string[]
  readonly appendIfMissing?: readonly string[]
  readonly delete?: readonly string[]
  readonly deleteIfPresent?: readonly string[]
  readonly replace?: readonly string[]
  readonly editor?: boolean
  readonly fromEtc?: boolean
  readonly json?: boolean
}

/** `bootc-sdk kargs`. */
export async function kargs(cli: Cli, options: KargsFlags): Promise<void> {
  const { append, appendIfMissing, deleteIfPresent, replace, fromEtc } = options
  const edit = { append, appendIfMissing, delete: options.delete, deleteIfPresent, replace, fromEtc }
  const given = Object.entries(edit).filter(([, value]) => value !== undefined)
  if (given.length === 0 && options.editor !== true) return show(cli, options)
  if (given.length > 0 && options.editor === true) {
    throw new UsageError('--editor cannot be used together with other changes')
  }
  await prepareForWrite(cli, options)
  const bootc = await openSystem(cli, options)
  const change = options.editor === true ? await edited(cli, options) : Object.fromEntries(given)
  const result = await bootc.editKargs({ ...change, signal: cli.signal })
  if (options.json !== true) return printKargsResult(cli, result, { quiet: false })
  const { outcome, deployment, locked = false } = result
  await printWarnings(cli, result.warnings)
  await cli.out.write(`${JSON.stringify({ outcome, deployment, locked, kargs: result.kargs })}\n`)
}

async function show(cli: Cli, options: KargsFlags): Promise<void> {
  const facts = await (await openSystem(cli, options)).kargs({ signal: cli.signal })
  await cli.out.write(
    options.json === true ? `${JSON.stringify(facts)}\n` : `${printable(facts.kargs.join(' '))}\n`,
  )
}

async function edited(cli: Cli, options: KargsFlags): Promise<{ set: readonly string[] }> {
  const { kargs: current } = await (await openSystem(cli, options)).kargs({ signal: cli.signal })
  const { editText } = await import('./edit-text.js')
  const help = '# One kernel argument a line; lines that start with # do not count.\n'
  const text = await editText(cli, 'kargs.txt', `${help}${current.map((karg) => `${karg}\n`).join('')}`)
  return { set: text.split('\n').filter((line) => !line.startsWith('#') && line.trim() !== '') }
}

/** What a change came to. */
export async function printKargsResult(
  cli: Cli,
  result: KargsResult,
  { quiet }: { quiet: boolean },
): Promise<void> {
  await printWarnings(cli, result.warnings)
  const line = printable(result.kargs.join(' '))
  if (result.outcome === 'unchanged') {
    if (!quiet) await cli.out.write('Kernel arguments are unchanged.\n')
    return
  }
  await cli.out.write(`Kernel arguments of the next boot: ${line}\n`)
  if (result.locked === true) {
    await cli.out.write('The staged deployment is locked, and so are they until it is unlocked.\n')
  }
}
