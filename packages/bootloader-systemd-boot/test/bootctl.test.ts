import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nodeDir } from '@bootc-sdk/core/node'
import { memorySysroot } from '@bootc-sdk/core/testing'
import { afterAll, expect, test } from 'vitest'
import { systemdBoot } from '../src/index.js'
import { bls, idA, idB, uki } from './specs.js'

/** The real one of systemd; `BOOTCTL` names another version. */
const bootctl = process.env['BOOTCTL'] ?? 'bootctl'
const missing = spawnSync(bootctl, ['--version']).error !== undefined
if (missing && process.env['CI'] !== undefined) throw new Error('bootctl is missing: install systemd-boot')

const dirs: string[] = []
afterAll(() => dirs.forEach((dir) => rmSync(dir, { recursive: true, force: true })))

/** bootctl wants a file system of its own: a copy, in a mount namespace. */
const script = `
set -e
mount -t tmpfs tmpfs "$2"
cp -r "$1/." "$2"
SYSTEMD_RELAX_ESP_CHECKS=1 "$3" --esp-path="$2" --json=short list
`

interface Listed {
  readonly id: string
  readonly title: string
  readonly version: string
  readonly sortKey: string
  readonly options?: string
  readonly linux?: string
  readonly efi?: string
  readonly triesLeft?: number
}

function list(esp: string): Listed[] {
  const mount = mkdtempSync(join(tmpdir(), 'bootc-sdk-esp-'))
  dirs.push(mount)
  const stdout = execFileSync('unshare', ['-rm', 'bash', '-c', script, '_', esp, mount, bootctl], {
    encoding: 'utf8',
  })
  // One array, or before systemd 253 one object a line.
  const text = stdout.trim()
  return (
    text.startsWith('[') ? JSON.parse(text) : text.split('\n').map((line) => JSON.parse(line) as unknown)
  ) as Listed[]
}

/** An ESP in a directory with three entries, the oldest version first, as after a rollback. */
async function written() {
  const esp = mkdtempSync(join(tmpdir(), 'bootc-sdk-esp-'))
  dirs.push(esp)
  const volume = { dir: nodeDir(esp), fsType: 'vfat', bootPrefix: '/' } as const
  const sysroot = { ...memorySysroot(), boot: volume, esps: [volume] }
  await using lock = await sysroot.lock()
  const loader = await systemdBoot().init(sysroot, lock)
  const idC = 'c5'.repeat(64)
  const specs = [
    { ...(await bls(idC, 0, { version: '1.9', count: { left: 3, done: 0 } })), extra: [] },
    { ...(await bls(idA, 0, { version: '2.10' })), extra: [] },
    { ...(await uki(idB, 1)), extra: [] },
  ]
  const plan = await loader.plan(specs, 0)
  await loader.prepare(plan, lock)
  await loader.commit(plan, lock)
  return { esp, specs, entries: (await loader.read()).entries }
}

test.skipIf(missing)(
  'bootctl lists the entries that were written, in their order (skipped without it)',
  async () => {
    const { esp, specs, entries } = await written()
    const listed = list(esp)
    expect(listed.map(({ id }) => id)).toEqual(
      entries.map(({ fileName }) => fileName.replace(/\+3\.conf$/, '.conf')),
    )
    expect(listed.map(({ title, version }) => [title, version])).toEqual(
      specs.map(({ title, version }) => [title, version]),
    )
    expect(listed.map(({ linux }) => linux)).toEqual(entries.map(({ linux }) => linux))
    expect(listed.map(({ sortKey }) => sortKey)).toEqual(['bootc-edge-0', 'bootc-edge-1', 'bootc-edge-2'])
    expect(listed[0]).toMatchObject({ triesLeft: 3, options: entries[0]!.options })
  },
)

const fatTools = ['mkfs.vfat', 'mcopy', 'fsck.fat'].filter(
  (tool) => spawnSync(tool, ['--help']).error !== undefined,
)
if (fatTools.length > 0 && process.env['CI'] !== undefined) throw new Error(`missing: ${fatTools.join(', ')}`)

test.skipIf(fatTools.length > 0)(
  'a FAT file system takes all of it and gives it back (skipped without mtools and dosfstools)',
  async () => {
    const { esp } = await written()
    const image = `${esp}.img`
    dirs.push(image)
    execFileSync('mkfs.vfat', ['-C', '-F', '32', image, '65536'], { stdio: 'ignore' })
    for (const name of readdirSync(esp)) execFileSync('mcopy', ['-s', '-i', image, join(esp, name), '::'])
    execFileSync('fsck.fat', ['-n', image], { stdio: 'ignore' })
    const back = mkdtempSync(join(tmpdir(), 'bootc-sdk-esp-'))
    dirs.push(back)
    execFileSync('mcopy', ['-s', '-n', '-i', image, '::*', back])
    const content = (path: string) =>
      readdirSync(path, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
        .map((file) => `${file.slice(path.length)} ${readFileSync(file).toString('base64')}`)
        .sort()
    expect(content(back)).toHaveLength(11)
    expect(content(back)).toEqual(content(esp))
  },
)
