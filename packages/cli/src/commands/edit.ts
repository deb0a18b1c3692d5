import { spawn } from 'node:child_process'
import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BootcError } from '@bootc-sdk/core'
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
  await prepareForWrite(options)
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
  const dir = await mkdtemp(join(tmpdir(), 'bootc-sdk-edit-'))
  try {
    const file = join(dir, 'host.yaml')
    await writeFile(file, await current(), { mode: 0o600 })
    await runEditor(await findEditor(cli), file)
    return await readFile(file, 'utf8')
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

/** @returns program and its arguments */
async function findEditor(cli: Cli): Promise<string[]> {
  const wanted = cli.env['EDITOR']?.split(' ').filter((word) => word !== '') ?? []
  if (wanted.length > 0) return wanted
  for (const path of ['/usr/bin/nano', '/usr/bin/vim', '/usr/bin/vi']) {
    try {
      await access(path)
      return [path]
    } catch {
      // The next one may be there.
    }
  }
  throw new BootcError('HOST_NO_EDITOR', 'no editor found; set EDITOR or use --filename')
}

async function runEditor([program = '', ...args]: readonly string[], file: string): Promise<void> {
  const code = await new Promise<number | null>((resolve, reject) => {
    const child = spawn(program, [...args, file], { stdio: 'inherit' })
    child.on('error', reject)
    child.on('exit', resolve)
  })
  if (code !== 0) {
    throw new BootcError('HOST_EDITOR_FAILED', `editor ${program} ended with ${code ?? 'a signal'}`, {
      details: { program, exitCode: code },
    })
  }
}
