import { BootcError } from '@bootc-sdk/core'
import { canonicalHostJson, formatHuman, onlyBooted, toBootcHost } from '@bootc-sdk/core/host-api'
import type { Cli } from '../io.js'
import { openSystem, type SystemOptions } from './open-system.js'
import { printHostYaml } from '../host-yaml.js'
import { prepareForRead } from './prepare-for-write.js'

interface StatusFlags extends SystemOptions {
  readonly format?: 'humanreadable' | 'yaml' | 'json'
  readonly json?: boolean
  readonly formatVersion?: number
  readonly booted?: boolean
  readonly verbose?: boolean
}

/** `bootc-sdk status`: text on a terminal, YAML otherwise. */
export async function status(cli: Cli, options: StatusFlags): Promise<void> {
  if ((options.formatVersion ?? 1) > 1) {
    throw new BootcError(
      'HOST_UNSUPPORTED_FORMAT_VERSION',
      `Unsupported format version: ${options.formatVersion}`,
    )
  }
  await prepareForRead(options)
  const bootc = await openSystem(cli, options)
  const state = await bootc.status({ signal: cli.signal })
  const full = toBootcHost(state)
  const host = options.booted === true ? onlyBooted(full) : full
  const format =
    options.json === true ? 'json' : (options.format ?? (cli.out.isTerminal ? 'humanreadable' : 'yaml'))
  switch (format) {
    case 'json':
      await cli.out.write(canonicalHostJson(host))
      break
    case 'yaml':
      await cli.out.write(printHostYaml(host))
      break
    case 'humanreadable':
      await cli.out.write(formatHuman(host, { verbose: options.verbose === true }))
  }
}
