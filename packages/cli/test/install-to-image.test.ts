import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bootableImage, writeOciLayout } from '@bootc-sdk/core/testing'
import { expect, onTestFinished, test } from 'vitest'
import { run } from './capture.js'

const env = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` }
const absent = ['mke2fs', 'mkfs.vfat', 'mcopy'].filter(
  (tool) => spawnSync(tool, ['-V'], { env }).error !== undefined,
)
if (absent.length > 0 && process.env['CI'] !== undefined) throw new Error(`missing: ${absent.join(', ')}`)

/** A layout with an image for amd64, and how to install it. */
async function prepared() {
  const work = await mkdtemp(join(tmpdir(), 'bootc-sdk-to-image-'))
  onTestFinished(() => rm(work, { recursive: true, force: true }))
  for (const name of ['layout', 'out']) await mkdir(join(work, name))
  await writeOciLayout(join(work, 'layout'), bootableImage({ version: 1 }), 'latest')
  const out = join(work, 'out/disk.raw')
  const source = ['--source-imgref', `oci:${join(work, 'layout')}:latest`]
  const toImage = (...args: string[]) =>
    run(['install', 'to-image', '--bootloader', 'none', ...source, ...args], {
      env: { PATH: process.env['PATH']! },
    })
  const config = async (text: string) => {
    await writeFile(join(work, 'config.toml'), text)
    return ['--config', join(work, 'config.toml')]
  }
  return { out, toImage, config, left: () => readdir(join(work, 'out')) }
}

test.skipIf(absent.length > 0)('install to-image writes a disk and tells what it is', async () => {
  const { out, toImage, config, left } = await prepared()
  const asked = await config(
    '[customizations]\nhostname = "made"\n[customizations.kernel]\nappend = "debug"\n',
  )
  const flags = [
    '--architecture',
    'amd64',
    '--esp-size',
    '40M',
    '--root-size',
    '144M',
    '--karg',
    'extra=1',
    ...asked,
  ]
  const { code, stdout, stderr } = await toImage(...flags, '--json', out)
  expect({ code, stderr }).toMatchObject({ code: 0 })
  const shown = JSON.parse(stdout) as {
    output: { diskBytes: number }
    disk: { partitions: { role: string; sizeBytes: number }[] }
    kargs: string[]
  }
  expect(shown.output).toEqual({ path: out, format: 'raw', device: false, diskBytes: (await stat(out)).size })
  expect(shown.disk.partitions.map(({ role, sizeBytes }) => [role, sizeBytes >> 20])).toEqual([
    ['esp', 40],
    ['root', 144],
  ])
  expect(shown.kargs.slice(-3, -1)).toEqual(['debug', 'extra=1'])
  expect(stderr).toContain('making root (ext4)')
  expect(await left()).toEqual(['disk.raw'])
})

test.skipIf(absent.length > 0)('--repart makes the partitions that definitions describe', async () => {
  const { out, toImage } = await prepared()
  const dir = await mkdtemp(join(tmpdir(), 'repart-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  const define = (name: string, text: string) => writeFile(join(dir, name), `[Partition]\n${text}`)
  await define('10-esp.conf', 'Type=esp\nFormat=vfat\nSizeMinBytes=40M\nSizeMaxBytes=40M\n')
  await define('20-root.conf', 'Type=root\nLabel=system\nSizeMinBytes=144M\nSizeMaxBytes=160M\nCopyFiles=/\n')
  await define('30-srv.conf', 'Type=srv\nWeight=100\n')
  const flags = ['--architecture', 'amd64', '--size', '400M', '--repart', dir]
  const { code, stdout, stderr } = await toImage(...flags, '--json', out)
  expect({ code, stderr }).toMatchObject({ code: 0 })
  const shown = JSON.parse(stdout) as {
    disk: { partitions: { name: string; sizeBytes: number }[] }
    warnings: { code: string }[]
  }
  expect(shown.disk.partitions.map(({ name, sizeBytes }) => [name, sizeBytes >> 20])).toEqual([
    ['EFI-SYSTEM', 40],
    ['srv', 400 - 2 - 40 - 160],
    ['system', 160],
  ])
  expect(shown.warnings.map(({ code }) => code)).toContain('disk:repart-ignored')
})

test('a configuration with keys that mean nothing here is refused, naming all of them', async () => {
  const { out, toImage, config, left } = await prepared()
  const asked = await config('[customizations.installer]\nunattended = true\n[customizations]\nfips = true\n')
  const { code, stderr } = await toImage(...asked, out)
  expect(code).toBe(1)
  expect(stderr).toContain('customizations.installer, customizations.fips: is not supported')
  expect(stderr).toContain('[SYSROOT_CUSTOMIZATION_INVALID]')
  expect(await left()).toEqual([])
})

test.each([
  [['--size', '10Q'], 2, 'Expected a size as 10G'],
  [['--config', '/nonexistent/config.toml'], 1, '/nonexistent/config.toml'],
  [['--architecture', 'm68k'], 1, 'm68k'],
  [['--format', 'vmdk'], 2, 'raw, qcow2'],
  [['--partition', 'var:5X'], 2, 'Expected a size as 10G'],
  [['--repart', '/nonexistent/repart.d'], 1, '/nonexistent/repart.d'],
  [['--repart', '/x', '--root-size', '4G'], 2, 'cannot be used with'],
  [['--partition', 'opt:1G'], 1, '"/opt" can have no partition of its own'],
  [['--partition', 'home', '--partition', '/var/home:1G'], 1, 'two partitions for /var/home'],
] as const)('%s is refused', async (args, expected, message) => {
  const { out, toImage, left } = await prepared()
  const { code, stderr } = await toImage(...args, out)
  expect(code).toBe(expected)
  expect(stderr).toContain(message)
  expect(await left()).toEqual([])
})
