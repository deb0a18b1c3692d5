import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { BootcError, type Host } from '@bootc-sdk/core'
import { nodeDir, nodeHost } from '@bootc-sdk/core/node'
import { expect, test } from 'vitest'
import { hostFormatters, hostSource, packDisk, recordedSource, recordingDir } from '../src/index.js'
import { scratch } from './scratch.js'
import { missing } from './tools.js'

const mebibyte = 1 << 20

/** A machine on which programs are what a test says. */
function machine(
  run: (program: string) => { code: number; stdout: string; stderr: string },
): Pick<Host, 'run'> {
  return { run: ([program]) => Promise.resolve().then(() => run(program!)) }
}

async function packWith(
  host: Pick<Host, 'run'>,
  prepare: (path: string) => Promise<unknown> = async () => {},
) {
  const at = await scratch()
  await mkdir(join(at, 'root'))
  await mkdir(join(at, 'out'))
  await prepare(join(at, 'root'))
  const packed = packDisk({
    disk: { architecture: 'amd64', bootMode: 'bios', rootFs: 'ext4', seed: 's', rootBytes: 128 * mebibyte },
    sources: { root: recordedSource(await recordingDir(nodeDir(join(at, 'root')))) },
    formatters: hostFormatters(host),
    format: 'raw',
    outPath: join(at, 'out/disk.img'),
  })
  return { packed, left: () => readdir(join(at, 'out')) }
}

test('a missing program is named with its packages, and nothing is left', async () => {
  const { packed, left } = await packWith(
    machine((program) => {
      throw new BootcError('HOST_NO_PROGRAM', `program ${program} could not be started`, {
        details: { program },
      })
    }),
  )
  await expect(packed).rejects.toMatchObject({
    code: 'HOST_TOOL_MISSING',
    details: { tool: 'mke2fs', debian: 'e2fsprogs', fedora: 'e2fsprogs' },
  })
  expect(await left()).toEqual([])
})

test('a program that really is not there is noticed', async () => {
  const host = nodeHost({ live: false })
  const { packed } = await packWith({
    run: (argv, options) => host.run(['no-such-program', ...argv], options),
  })
  await expect(packed).rejects.toMatchObject({ code: 'HOST_TOOL_MISSING' })
})

test('a program that fails is quoted, and nothing is left', async () => {
  const { packed, left } = await packWith(
    machine(() => ({ code: 1, stdout: '', stderr: 'mke2fs 1.47\nno luck\n' })),
  )
  await expect(packed).rejects.toMatchObject({
    code: 'HOST_TOOL_FAILED',
    message: 'mke2fs failed: no luck',
    details: { tool: 'mke2fs', exitCode: 1 },
  })
  expect(await left()).toEqual([])
})

test('an mke2fs that ends well and made nothing has failed', async () => {
  const { packed, left } = await packWith(
    machine(() => ({ code: 0, stdout: '', stderr: '' })),
    (path) => writeFile(join(path, 'f'), 'x'),
  )
  await expect(packed).rejects.toMatchObject({
    code: 'HOST_TOOL_FAILED',
    message: 'mke2fs failed: made a file system that cannot be filled: no superblock',
  })
  expect(await left()).toEqual([])
})

test.skipIf(missing('mke2fs') !== false)('an mke2fs that makes other features has failed', async () => {
  const host = nodeHost({ live: false })
  const { packed, left } = await packWith({
    run: (argv, options) =>
      host.run(
        argv.map((arg) => arg.replace('metadata_csum', 'uninit_bg')),
        options,
      ),
  })
  await expect(packed).rejects.toMatchObject({ code: 'HOST_TOOL_FAILED', details: { tool: 'mke2fs' } })
  expect(await left()).toEqual([])
})

const idle = machine(() => {
  throw new Error('no program may run')
})

test.each(['xfs', 'btrfs'] as const)('%s is refused with the reason', async (rootFs) => {
  const at = await scratch()
  await expect(
    packDisk({
      disk: { architecture: 'amd64', bootMode: 'bios', rootFs, seed: 's' },
      sources: { root: recordedSource(await recordingDir(nodeDir(at))) },
      formatters: hostFormatters(idle),
      format: 'raw',
      outPath: join(at, 'out.img'),
    }),
  ).rejects.toMatchObject({
    code: 'SYSROOT_DISK_UNSUPPORTED',
    details: { what: `root file system ${rootFs}` },
  })
})

test.each([
  ['two names that differ in case', ['Loader.conf', 'loader.conf']],
  ['a colon', ['a:b']],
  ['a dot at the end', ['file.']],
  ['a pattern', ['a*']],
])('an ESP with %s is refused before anything is written', async (_what, names) => {
  const at = await scratch()
  for (const name of ['root', 'esp', 'out']) await mkdir(join(at, name))
  for (const name of names) await writeFile(join(at, 'esp', name), '')
  const host = nodeHost({ live: false })
  await expect(
    packDisk({
      disk: { architecture: 'amd64', bootMode: 'uefi', rootFs: 'ext4', seed: 's' },
      sources: {
        root: recordedSource(await recordingDir(nodeDir(join(at, 'root')))),
        esp: await hostSource(nodeDir(join(at, 'esp')), host),
      },
      formatters: hostFormatters(idle),
      format: 'raw',
      outPath: join(at, 'out/disk.img'),
    }),
  ).rejects.toMatchObject({ code: 'SYSROOT_DISK_CONTENT' })
  expect(await readdir(join(at, 'out'))).toEqual([])
})
