import { readFileSync, readlinkSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { nodeDir } from '@bootc-sdk/core/node'
import { isBootcError, type ReadTree } from '@bootc-sdk/core'
import { memoryDir } from '@bootc-sdk/core/testing'
import { expect, test } from 'vitest'
import { installSystemdPieces, pieceNames, shippedFiles, type InitramfsGenerator } from '../src/index.js'
import { pieces, type Piece } from '../src/pieces.js'
import { fakeRoot } from './support.js'

async function filesIn(tree: ReadTree, path = ''): Promise<string[]> {
  const found: string[] = []
  for await (const { name, stat } of tree.list(path)) {
    const at = path === '' ? name : `${path}/${name}`
    found.push(...(stat.type === 'directory' ? await filesIn(tree, at) : [at]))
  }
  return found
}

test('every shipped file belongs to exactly one piece', async () => {
  const claimed = pieceNames.flatMap((name) => {
    const piece: Piece = pieces[name]
    return [...piece.files, ...(piece.programs ?? [])]
  })
  expect([...claimed].sort()).toEqual((await filesIn(shippedFiles())).sort())
})

test('links of units lead to units that are shipped', async () => {
  const all = await filesIn(shippedFiles())
  for (const name of pieceNames) {
    const { links = {} }: Piece = pieces[name]
    for (const [path, target] of Object.entries(links)) {
      expect(all).toContain(join(path, '..', target))
    }
  }
})

test('an image gets units, links, programs with their modes, and directories for checks', async () => {
  const root = fakeRoot({ usr: null })
  await installSystemdPieces(nodeDir(root))
  const units = join(root, 'usr/lib/systemd/system')
  expect(readFileSync(join(units, 'bootc-sdk-boot-check.service'), 'utf8')).toContain(
    'ExecStart=/usr/bin/bootc-sdk boot-check --reboot\n',
  )
  expect(readlinkSync(join(units, 'boot-complete.target.requires/bootc-sdk-boot-check.service'))).toBe(
    '../bootc-sdk-boot-check.service',
  )
  expect(statSync(join(root, 'usr/lib/systemd/system-generators/bootc-sdk-generator')).mode & 0o777).toBe(
    0o755,
  )
  expect(statSync(join(units, 'bootc-sdk-update.timer')).mode & 0o777).toBe(0o644)
  expect(statSync(join(root, 'usr/lib/bootc-sdk/check/required.d')).isDirectory()).toBe(true)
})

test('modules and hooks go where their generator makes the initramfs, or where nothing tells what does', async () => {
  const generators = async (sign: string | undefined, initramfs?: readonly InitramfsGenerator[]) => {
    const root = fakeRoot({ usr: null, ...(sign === undefined ? {} : { [sign]: '' }) })
    const { written } = await installSystemdPieces(nodeDir(root), {
      only: ['healing', 'ostree-root'],
      ...(initramfs === undefined ? {} : { initramfs }),
    })
    expect(written).toContain('usr/lib/bootc/kargs.d/50-bootc-sdk-healing.toml')
    return {
      dracut: written.some((path) => path.startsWith('usr/lib/dracut/')),
      initramfsTools: written.some((path) => path.startsWith('usr/share/initramfs-tools/')),
    }
  }
  expect(await generators(undefined)).toEqual({ dracut: true, initramfsTools: true })
  expect(await generators('usr/lib/dracut/dracut-init.sh')).toEqual({ dracut: true, initramfsTools: false })
  const hooks = 'usr/share/initramfs-tools/hook-functions'
  expect(await generators(hooks)).toEqual({ dracut: false, initramfsTools: true })
  expect(await generators(hooks, ['dracut'])).toEqual({ dracut: true, initramfsTools: false })
  expect(await generators(undefined, ['mkinitcpio'])).toEqual({ dracut: false, initramfsTools: false })
})

test('a second time changes nothing; what was changed by hand or is masked is put right', async () => {
  const root = fakeRoot({ usr: null })
  const dir = nodeDir(root)
  await installSystemdPieces(dir, { autoUpdate: true })
  expect(await installSystemdPieces(dir, { autoUpdate: true })).toEqual({ written: [], removed: [] })
  const timer = 'usr/lib/systemd/system/bootc-sdk-update.timer'
  writeFileSync(join(root, timer), 'changed')
  await dir.setMeta('usr/lib/bootc-sdk/shadow-sync', { mode: 0o644 })
  await dir.remove('usr/lib/tmpfiles.d/bootc-sdk.conf')
  symlinkSync('/dev/null', join(root, 'usr/lib/tmpfiles.d/bootc-sdk.conf'))
  const { written } = await installSystemdPieces(dir)
  expect([...written].sort()).toEqual([
    'usr/lib/bootc-sdk/shadow-sync',
    timer,
    'usr/lib/tmpfiles.d/bootc-sdk.conf',
  ])
  expect(statSync(join(root, 'usr/lib/tmpfiles.d/bootc-sdk.conf')).isFile()).toBe(true)
})

test('automatic updates are off unless asked for, stay as they are when not mentioned, and can be taken back', async () => {
  const link = 'etc/systemd/system/timers.target.wants/bootc-sdk-update.timer'
  const preset = 'usr/lib/systemd/system-preset/40-bootc-sdk-auto-update.preset'
  const dir = memoryDir()
  await installSystemdPieces(dir)
  expect(await dir.stat(link)).toBeUndefined()
  await installSystemdPieces(dir, { autoUpdate: true })
  expect(await dir.readlink(link)).toBe('/usr/lib/systemd/system/bootc-sdk-update.timer')
  expect((await dir.stat(preset))?.type).toBe('file')
  await installSystemdPieces(dir)
  expect((await dir.stat(link))?.type).toBe('symlink')
  expect((await installSystemdPieces(dir, { autoUpdate: false })).removed).toEqual([preset, link])
  expect(await dir.stat(link)).toBeUndefined()
})

test('only the pieces that were named', async () => {
  const dir = memoryDir()
  const { written } = await installSystemdPieces(dir, { only: ['accounts'] })
  expect(written).toEqual([
    'usr/lib/systemd/system/bootc-sdk-shadow-sync.service',
    'usr/lib/bootc-sdk/shadow-sync',
  ])
})

test('a command at another place is what units and scripts call', async () => {
  const root = fakeRoot({ usr: null })
  await installSystemdPieces(nodeDir(root), { commandPath: '/opt/bootc-sdk/bin/bootc-sdk' })
  for (const path of [
    'usr/lib/systemd/system/bootc-sdk-update.service',
    'usr/lib/systemd/system/bootc-sdk-finalize-staged.service',
    'usr/lib/bootc-sdk/trial-emergency',
  ]) {
    const text = readFileSync(join(root, path), 'utf8')
    expect(text).toContain('/opt/bootc-sdk/bin/bootc-sdk ')
    expect(text).not.toContain('/usr/bin/bootc-sdk')
  }
})

test.each(['bootc-sdk', '/usr/bin/a b', '/usr/bin/$(x)', '/x%n', '/x\n'])(
  'a command path that units cannot hold is refused before the first write: %j',
  async (commandPath) => {
    const dir = memoryDir()
    const failed = await installSystemdPieces(dir, { commandPath }).catch((error: unknown) => error)
    expect(isBootcError(failed, 'HOST_INVALID_PATH')).toBe(true)
    expect(await filesIn(dir)).toEqual([])
  },
)

test('nothing is written through a link that leads out of the image', async () => {
  const root = fakeRoot({ outside: null, 'image/usr/lib': null })
  symlinkSync(join(root, 'outside'), join(root, 'image/usr/lib/systemd'))
  const failed = await installSystemdPieces(nodeDir(join(root, 'image'))).catch((error: unknown) => error)
  expect(isBootcError(failed)).toBe(true)
  expect(await filesIn(nodeDir(join(root, 'outside')))).toEqual([])
})

test('a package without its files says so', async () => {
  const failed = await installSystemdPieces(memoryDir(), { files: memoryDir() }).catch(
    (error: unknown) => error,
  )
  expect(isBootcError(failed, 'HOST_PIECES_MISSING')).toBe(true)
})

test('an aborted installation stops with the reason', async () => {
  const signal = AbortSignal.abort(new Error('enough'))
  await expect(installSystemdPieces(memoryDir(), { signal })).rejects.toThrow('enough')
})
