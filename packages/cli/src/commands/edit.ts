import { readFile } from 'node:fs/promises'
import { toBootcHost } from '@bootc-sdk/core/host-api'
import { readStdin, type Cli } from '../io.js'
import { parseHostSpec } from '../host-spec.js'
import { printHostYaml } from '../host-yaml.js'
import { openSystem, type NetworkOptions, type SystemOptions } from './open-system.js'
import { prepareForWrite } from './prepare-for-write.js'
import { changeLines, printWarnings } from './print-change.js'
import { withProgress, type ProgressOptions } from './with-progress.js'

interface EditFlags extends SystemOptions, NetworkOptions, ProgressOptions {
  readonly filename?: string
}

/** `bootc-sdk edit`. */
export async function edit(cli: Cli, options: EditFlags): Promise<void> {
  await prepareForWrite(cli, options)
  const bootc = await openSystem(cli, options, options)
  const text = await editedText(cli, options, async () =>
    printHostYaml(toBootcHost(await bootc.status({ signal: cli.signal }))),
  )
  const spec = parseHostSpec(text)
  const applied = await withProgress(cli, options, true, (_progress, operation) =>
    bootc.applySpec(spec, operation),
  )
  switch (applied.kind) {
    case 'unchanged':
      await cli.out.write('Edit cancelled, no changes made.\n')
      break
    case 'rollback':
      await printWarnings(cli, applied.result.warnings)
      await cli.out.write(`Next boot: ${applied.result.next} deployment\n`)
      break
    case 'image':
      await printWarnings(cli, applied.result.warnings)
      for (const line of changeLines(applied.result)) await cli.out.write(`${line}\n`)
  }
}

async function editedText(cli: Cli, options: EditFlags, current: () => Promise<string>): Promise<string> {
  if (options.filename === '-') return readStdin(cli)
  if (options.filename !== undefined) return readFile(options.filename, 'utf8')
  const { editText } = await import('./edit-text.js')
  return editText(cli, 'host.yaml', await current())
}
