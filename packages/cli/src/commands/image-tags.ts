import { BootcError, type ImageTransport } from '@bootc-sdk/core'
import { parseRegistryName, printRegistryName } from '@bootc-sdk/core/oci'
import type { RegistryTransport } from '@bootc-sdk/core/transports'
import { parseImgref } from '../imgref.js'
import { UsageError, type Cli } from '../io.js'
import { openTransports, type NetworkOptions } from './open-system.js'

interface TagsFlags extends NetworkOptions {
  readonly json?: boolean
}

/** `bootc-sdk image tags`: as `skopeo list-tags` with `--json`. */
export async function imageTags(cli: Cli, options: TagsFlags, text: string): Promise<void> {
  const { image: reference } = parseImgref(text)
  if (reference.transport !== 'registry') throw new UsageError('only registries have tags')
  if (/@|:[^/]*$/.test(reference.name.replace(/^[^/]*\//, ''))) {
    throw new UsageError('the name of a repository has no tag and no digest')
  }
  const transport = registryOf(await openTransports(options))
  const tags = await transport.tags(reference, { signal: cli.signal })
  if (options.json !== true) {
    for (const tag of tags) await cli.out.write(`${tag}\n`)
    return
  }
  const { registry, repository } = parseRegistryName(reference.name)
  const shown = { Repository: printRegistryName({ registry, repository }), Tags: tags }
  await cli.out.write(`${JSON.stringify(shown, undefined, 4)}\n`)
}

export function registryOf(transports: readonly ImageTransport[]): RegistryTransport {
  const found = transports.find((one) => one.transports.includes('registry') && 'tags' in one)
  if (found !== undefined) return found as RegistryTransport
  throw new BootcError('TRANSPORT_UNSUPPORTED', 'no transport for registries was given', {
    details: { transport: 'registry' },
  })
}
