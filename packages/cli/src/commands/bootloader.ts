import type { LoaderProgram, LoaderStatus } from '@bootc-sdk/core'
import { printable } from '../format.js'
import type { Cli } from '../io.js'
import { openSystem, type SystemOptions } from './open-system.js'
import { prepareForRead, prepareForWrite } from './prepare-for-write.js'
import { printWarnings } from './print-change.js'

type Flags = SystemOptions & { readonly json?: boolean }

/** `bootc-sdk bootloader status`. */
export async function bootloaderStatus(cli: Cli, options: Flags): Promise<void> {
  const skipped = await prepareForRead(options, 'all')
  const status = await (await openSystem(cli, options)).loaderStatus({ signal: cli.signal })
  await printWarnings(cli, skipped)
  await cli.out.write(options.json === true ? `${JSON.stringify(status)}\n` : statusText(status))
}

/** `bootc-sdk bootloader update`. */
export async function updateBootloader(cli: Cli, options: Flags): Promise<void> {
  const skipped = await prepareForWrite(cli, options, 'all')
  const result = await (await openSystem(cli, options)).updateLoader({ signal: cli.signal })
  await printWarnings(cli, [...skipped, ...result.warnings])
  if (options.json === true) {
    const { bootloader, programs, updated } = result
    await cli.out.write(`${JSON.stringify({ bootloader, programs, updated })}\n`)
    return
  }
  const lines = result.updated.map(
    (program) => `Updated ${placeOf(program)}: ${program.before} → ${program.version}`,
  )
  if (lines.length === 0) lines.push('The boot loader is up to date')
  for (const line of lines) await cli.out.write(`${printable(line)}\n`)
}

function statusText({ bootloader, programs, running, updateAvailable }: LoaderStatus): string {
  const lines = [`Boot loader: ${bootloader}`]
  if (running !== undefined) {
    lines.push(`Running: ${running.info}`)
    if (running.entry !== undefined) lines.push(`Booted entry: ${running.entry}`)
    if (running.countPath !== undefined) lines.push(`On trial: ${running.countPath}`)
  }
  for (const program of programs) {
    const shipped =
      program.shipped === undefined ? 'the image brings none' : `the image brings ${program.shipped}`
    lines.push(`${placeOf(program)}: ${program.version}, ${shipped}`)
  }
  if (programs.length > 0) lines.push(updateAvailable ? 'Update: available' : 'Update: none')
  return lines.map((line) => `${printable(line)}\n`).join('')
}

function placeOf({ volume, path }: LoaderProgram): string {
  return volume.startsWith('/') ? `${volume.replace(/\/$/, '')}/${path}` : `${volume}: ${path}`
}
