import { mkdir, mkdtemp, writeFile, chmod } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nodeHost } from '@bootc-sdk/core/node'
import { bootableImage, serveRegistry } from '@bootc-sdk/core/testing'
import { describe, expect, onTestFinished, test } from 'vitest'
import { run } from './capture.js'
import { removeTree } from './remove-tree.js'

type Result = Awaited<ReturnType<typeof run>>

/** A system in a directory, and the command on it. */
async function installed(
  store: string,
): Promise<(args: readonly string[], env?: Record<string, string>) => Promise<Result>> {
  const work = await mkdtemp(join(tmpdir(), 'bootc-sdk-kargs-'))
  onTestFinished(() => removeTree(work))
  const dir = join(work, 'sysroot')
  await mkdir(dir)
  const registry = await serveRegistry({
    'os:1': bootableImage({ version: 1, architecture: nodeHost().arch }),
  })
  onTestFinished(() => registry.close())
  const source = `docker://${registry.host}/os:1`
  const options = [
    '--tls-verify=false',
    '--store',
    store,
    '--source-imgref',
    source,
    '--karg',
    'root=LABEL=x',
  ]
  const { code, stderr } = await run(['install', 'to-filesystem', ...options, dir])
  expect(code, stderr).toBe(0)
  return (args, env = {}) => run([...args, '--sysroot', dir], { env })
}

const shownJson = ({ stdout }: Result): { kargs: string[]; role: string; sources: unknown } =>
  JSON.parse(stdout) as { kargs: string[]; role: string; sources: unknown }

describe.each(['ostree', 'composefs'])('kernel arguments in the store %s', (store) => {
  test('are shown, changed at once on a sysroot that is not running, and shown again', async () => {
    const on = await installed(store)
    const before = (await on(['kargs'])).stdout.trim().split(' ')
    expect(before).toContain('root=LABEL=x')
    const changed = await on(['kargs', '--append', 'a=1', '--append', 'b', '--delete', 'quiet'])
    expect(changed).toMatchObject({ code: 0, stderr: '' })
    expect(changed.stdout).toMatch(/^Kernel arguments of the next boot: .*a=1 b/)
    const after = shownJson(await on(['kargs', '--json']))
    expect(after.role).toBe('default')
    expect(after.kargs).toEqual(expect.arrayContaining(['a=1', 'b', 'root=LABEL=x']))
    expect(after.kargs).not.toContain('quiet')
    expect((await on(['kargs', '--append-if-missing', 'a=1'])).stdout).toBe(
      'Kernel arguments are unchanged.\n',
    )
    const status = JSON.parse((await on(['status', '--json'])).stdout) as { status: { rollback: unknown } }
    expect(status.status.rollback).toBeNull()
  })

  test('have owners; a shared one stays until both drop it', async () => {
    const on = await installed(store)
    const set = (source: string, ...options: string[]) =>
      on(['loader-entries', 'set-options-for-source', '--source', source, ...options])
    await set('tuned', '--options', 'nohz=full shared=1')
    await set('other', '--options=shared=1 y')
    const [entry] = JSON.parse((await on(['loader-entries', 'list', '--json'])).stdout) as [
      { sources: object; options: string; file: string; default: boolean; deployment: string },
    ]
    expect(entry).toMatchObject({
      sources: { tuned: 'nohz=full shared=1', other: 'shared=1 y' },
      default: true,
    })
    expect(entry.options.split(' ')).toEqual(expect.arrayContaining(['nohz=full', 'shared=1', 'y']))
    expect((await set('tuned', '--options', '')).code).toBe(0)
    expect(shownJson(await on(['kargs', '--json'])).kargs).toContain('shared=1')
    expect(shownJson(await on(['kargs', '--json'])).kargs).not.toContain('nohz=full')
    await set('other')
    const left = shownJson(await on(['kargs', '--json']))
    expect(left.sources).toEqual([])
    expect(left.kargs).not.toContain('shared=1')
    expect(await set('other')).toMatchObject({ code: 0, stdout: '', stderr: '' })
    const text = (await on(['loader-entries', 'list'])).stdout
    expect(text).toContain(entry.file)
    expect(text).toMatch(/kernel: .*vmlinuz/)
  })

  test('in an editor; those that lead to the deployment are not to be changed', async () => {
    const on = await installed(store)
    const editor = join(await mkdtemp(join(tmpdir(), 'bootc-sdk-editor-')), 'editor')
    onTestFinished(() => removeTree(join(editor, '..')))
    await writeFile(editor, '#!/bin/sh\nprintf "# no\\nfrom.editor=1\\n" >> "$1"\n')
    await chmod(editor, 0o755)
    expect((await on(['kargs', '--editor'], { EDITOR: editor })).stdout).toMatch(/from\.editor=1\n$/)
    await writeFile(editor, '#!/bin/sh\nprintf "rw\\n" > "$1"\n')
    const refused = await on(['kargs', '--editor'], { EDITOR: editor })
    expect(refused.code).toBe(1)
    expect(refused.stderr).toContain('[BOOT_KARG_RESERVED]')
  })

  test('what is wrong is refused', async () => {
    const on = await installed(store)
    expect((await on(['kargs', '--delete', 'nothing'])).stderr).toContain('[BOOT_KARG_NOT_FOUND]')
    expect((await on(['kargs', '--append', 'a="b'])).stderr).toContain('[BOOT_KARG_INVALID]')
    expect((await on(['kargs', '--append', 'x', '--editor'])).code).toBe(2)
    const source = ['loader-entries', 'set-options-for-source', '--source', 'a b', '--options', 'x']
    expect((await on(source)).stderr).toContain('[BOOT_KARG_SOURCE_INVALID]')
    expect((await on(['loader-entries', 'boot-once'])).code).toBe(2)
    expect((await on(['loader-entries', 'boot-once', 'nothing'])).code).toBe(1)
  })
})
