import type { EntryFacts } from '@bootc-sdk/core'
import { printable } from '../format.js'
import { UsageError, type Cli } from '../io.js'
import { printKargsResult } from './kargs.js'
import { openSystem, type SystemOptions } from './open-system.js'
import { prepareForWrite } from './prepare-for-write.js'

/** `bootc-sdk loader-entries list`. */
export async function listEntries(cli: Cli, options: SystemOptions & { json?: boolean }): Promise<void> {
  const entries = await (await openSystem(cli, options)).entries({ signal: cli.signal })
  if (options.json === true) {
    await cli.out.write(`${JSON.stringify(entries.map(toJson))}\n`)
    return
  }
  await cli.out.write(entries.length === 0 ? 'There are no boot entries\n' : entries.map(toText).join('\n'))
}

/** `bootc-sdk loader-entries set-options-for-source`. */
export async function setOptionsForSource(
  cli: Cli,
  options: SystemOptions & { source: string; options?: string },
): Promise<void> {
  await prepareForWrite(cli, options)
  const bootc = await openSystem(cli, options)
  const result = await bootc.setKargsForSource(options.source, options.options, { signal: cli.signal })
  await printKargsResult(cli, result, { quiet: true })
}

/** `bootc-sdk loader-entries boot-once`. */
export async function bootOnce(
  cli: Cli,
  options: SystemOptions & { clear?: boolean },
  which: string | undefined,
): Promise<void> {
  if ((which === undefined) !== (options.clear === true)) {
    throw new UsageError('give an entry to boot once, or --clear')
  }
  await prepareForWrite(cli, options)
  const bootc = await openSystem(cli, options)
  const { entry } = await bootc.bootOnce(which, { signal: cli.signal })
  await cli.out.write(
    entry === undefined
      ? 'The next boot is the default again\n'
      : `Next boot, once: ${printable(entry.title)} (${printable(entry.fileName)})\n`,
  )
}

function toJson({ entry, deployment, sources, ...roles }: EntryFacts): Record<string, unknown> {
  const { fileName, title, version, linux, initrds, devicetree, options, count, extra } = entry
  return {
    ...{ file: fileName, title, version, ...roles, deployment: deployment ?? null },
    ...{ linux: linux ?? null, initrds, devicetree: devicetree ?? null, options, count: count ?? null },
    sources: Object.fromEntries(sources.map(({ source, kargs }) => [source, kargs.join(' ')])),
    extra: Object.fromEntries(extra),
  }
}

function toText(facts: EntryFacts): string {
  const { entry, deployment, sources } = facts
  const { fileName, title, linux, options, count } = entry
  const roles = [
    ...(facts.default ? ['default'] : []),
    ...(facts.booted ? ['booted'] : []),
    ...(deployment === undefined ? ['no deployment'] : []),
  ]
  const uki = entry.extra.find(([key]) => key === 'efi' || key === 'uki')?.[1]
  const rows: (readonly [string, string | undefined])[] = [
    ['title', title],
    ['kernel', linux ?? uki],
    ['options', options],
    ['tries', count && `${count.left} left, ${count.done} done`],
    ...sources.map(({ source, kargs }) => [`source ${source}`, kargs.join(' ')] as const),
  ]
  return [
    `${facts.booted ? '●' : ' '} ${printable(fileName)}${roles.length > 0 ? ` (${roles.join(', ')})` : ''}`,
    ...rows.flatMap(([label, text]) => (text ? [`    ${label}: ${printable(text)}`] : [])),
    '',
  ].join('\n')
}
