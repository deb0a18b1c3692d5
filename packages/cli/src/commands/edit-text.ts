import { spawn } from 'node:child_process'
import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BootcError } from '@bootc-sdk/core'
import type { Cli } from '../io.js'

/**
 * Have a text changed in the user's editor: `$EDITOR` (split at spaces), else nano or vi.
 *
 * @param name of the file, so that the editor knows its kind
 * @throws BootcError `HOST_NO_EDITOR`, `HOST_EDITOR_FAILED`
 */
export async function editText(cli: Cli, name: string, text: string): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'bootc-sdk-edit-'))
  try {
    const file = join(dir, name)
    await writeFile(file, text, { mode: 0o600 })
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
