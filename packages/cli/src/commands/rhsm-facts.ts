import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { rhsmFacts, toBootcHost } from '@bootc-sdk/core/host-api'
import type { Cli } from '../io.js'
import { openSystem, type SystemOptions } from './open-system.js'

/** `bootc-sdk internals publish-rhsm-facts`: into /etc of the running system, or onto stdout for others. */
export async function publishRhsmFacts(cli: Cli, options: SystemOptions): Promise<void> {
  const bootc = await openSystem(cli, options)
  const facts = rhsmFacts(toBootcHost(await bootc.status({ signal: cli.signal })))
  const text = `${JSON.stringify(facts, undefined, 2)}\n`
  if (options.sysroot !== '/') return cli.out.write(text)
  const directory = '/etc/rhsm/facts'
  await mkdir(directory, { recursive: true })
  const temporary = join(directory, `.bootc.facts.${process.pid}`)
  await writeFile(temporary, text, { mode: 0o644 })
  await rename(temporary, join(directory, 'bootc.facts'))
}
