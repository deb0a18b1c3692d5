import { spawnSync } from 'node:child_process'
import { mkdir, open, readdir, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { grubBootloader } from '@bootc-sdk/bootloader-grub'
import { parseImageReference } from '@bootc-sdk/core'
import { nodeDir, nodeHost } from '@bootc-sdk/core/node'
import { bootableImage, memoryTransport } from '@bootc-sdk/core/testing'
import { ostreeBackend } from '@bootc-sdk/ostree-backend'
import { expect, onTestFinished, test } from 'vitest'
import {
  hostFormatters,
  hostSource,
  type ImageDisk,
  installToImage,
  type InstallToImageResult,
  packDisk,
} from '../../src/index.js'
import { scratch } from '../scratch.js'
import { missing, tool } from '../tools.js'

const mebibyte = 1 << 20
const host = nodeHost({ live: false, arch: 'amd64' })

/** Containers have the control device, but not always loop devices or mounts. */
function mountsLoops(): boolean {
  return host.supports.loop && spawnSync('losetup', ['--find'], { stdio: 'ignore' }).status === 0
}

/** Why a file system cannot be made here. */
function without(type: string): string | false {
  if (!mountsLoops()) return 'needs root and loop devices'
  const known = spawnSync('grep', ['-qw', type, '/proc/filesystems']).status === 0
  return known ? missing('mke2fs', 'mkfs.vfat', 'mcopy', 'sgdisk') : `the kernel has no ${type}`
}

function make(path: string, disk: ImageDisk): Promise<InstallToImageResult> {
  const name = 'registry.example/os:1'
  return installToImage({
    parts: {
      transports: [memoryTransport({ [name]: bootableImage({ version: 1 }) })],
      stores: [ostreeBackend()],
      bootloaders: [grubBootloader()],
    },
    host,
    install: {
      source: { signature: { kind: 'insecure' }, image: parseImageReference(`registry:${name}`) },
      bootloader: 'none',
    },
    disk: { espBytes: 40 * mebibyte, ...disk },
    output: { path },
  })
}

/** Mount a part of a disk until the test ends. */
async function mounted(at: string, path: string, offset: number, ...options: string[]): Promise<string> {
  const point = join(at, 'mounted')
  await mkdir(point)
  tool('mount', ['-o', ['loop', 'ro', `offset=${offset}`, ...options].join(), path, point])
  onTestFinished(() => void tool('umount', [point]))
  return point
}

for (const rootFs of ['xfs', 'btrfs'] as const) {
  const why = without(rootFs) || missing(`mkfs.${rootFs}`)
  test.skipIf(why !== false)(`${rootFs} is made through a mount by root`, async () => {
    const at = await scratch()
    const path = join(at, 'disk.raw')
    const result = await make(path, { rootFs })
    expect(await readdir(at)).toEqual(['disk.raw'])
    expect(tool('sgdisk', ['-v', path])).toContain('No problems found')
    const root = result.disk.partitions.find(({ role }) => role === 'root')!
    expect(tool('losetup', ['--associated', path])).toBe('')
    const point = await mounted(at, path, root.startBytes)
    expect(tool('findmnt', ['-no', 'FSTYPE,UUID', point])).toMatch(new RegExp(`^${rootFs} +${root.fs!.uuid}`))
    const deployed = join(point, 'ostree/deploy/default/deploy', result.installed.deployment.split('/')[1]!)
    expect(tool('stat', ['-c', '%a %h', join(deployed, 'usr/bin/su')])).toBe('4755 2\n')
    expect(tool('lsattr', ['-d', deployed])).toMatch(/^\S*i/)
    expect(tool('getfattr', ['-m-', '-d', '--absolute-names', join(deployed, 'usr/bin/ping')])).toContain(
      'security.capability',
    )
    expect(tool('ostree', ['fsck', `--repo=${join(point, 'ostree/repo')}`, '-q'])).toContain(
      'no errors found',
    )
  })
}

const noExt4 = without('ext4')
test.skipIf(noExt4 !== false)('a block device is written in place, whatever was there', async () => {
  const at = await scratch()
  const backing = join(at, 'backing')
  const sizeMiB = 256
  await writeFile(backing, Buffer.alloc(sizeMiB * mebibyte, 'old content'))
  const device = tool('losetup', ['--find', '--show', backing]).trim()
  let attached = true
  onTestFinished(() => void (attached && tool('losetup', ['-d', device])))
  const result = await make(device, {})
  expect(result.output).toEqual({ path: device, format: 'raw', device: true, diskBytes: sizeMiB * mebibyte })
  tool('losetup', ['-d', device])
  attached = false
  expect(tool('sgdisk', ['-v', backing])).toContain('No problems found')
  const root = result.disk.partitions.find(({ role }) => role === 'root')!
  expect(tool('e2fsck', ['-fn', `${backing}?offset=${root.startBytes}`])).toContain('root:')
  const point = await mounted(at, backing, root.startBytes)
  expect(tool('ostree', ['admin', 'status', `--sysroot=${point}`])).toContain('default')
})

test.skipIf(noExt4 !== false)('a block device that is too small keeps what it has', async () => {
  const at = await scratch()
  const backing = join(at, 'backing')
  await writeFile(backing, Buffer.alloc(96 * mebibyte, 'old content'))
  const device = tool('losetup', ['--find', '--show', backing]).trim()
  onTestFinished(() => void tool('losetup', ['-d', device]))
  await expect(make(device, {})).rejects.toMatchObject({ code: 'SYSROOT_DISK_TOO_SMALL' })
  await using file = await open(device)
  const { buffer } = await file.read(Buffer.alloc(11), 0, 11, 0)
  expect(buffer.toString()).toBe('old content')
})

test.skipIf(noExt4 !== false)('a block device that was mounted meanwhile keeps what it has', async () => {
  const at = await scratch()
  const backing = join(at, 'backing')
  await writeFile(backing, '')
  await truncate(backing, 256 * mebibyte)
  const device = tool('losetup', ['--find', '--show', backing]).trim()
  onTestFinished(() => void tool('losetup', ['-d', device]))
  tool('mke2fs', ['-q', '-F', device])
  const point = join(at, 'mounted')
  const root = join(at, 'root')
  for (const path of [point, root]) await mkdir(path)
  const packed = packDisk({
    disk: { architecture: 'amd64', bootMode: 'bios', rootFs: 'ext4', seed: 's', diskBytes: 256 * mebibyte },
    sources: { root: await hostSource(nodeDir(root), host) },
    formatters: hostFormatters(host),
    format: 'raw',
    outPath: device,
    device: true,
    onProgress: ({ type }) => {
      if (type !== 'disk:scan') return
      tool('mount', [device, point])
      onTestFinished(() => void tool('umount', [point]))
    },
  })
  await expect(packed).rejects.toMatchObject({ code: 'SYSROOT_DISK_INVALID' })
  await using file = await open(device)
  const { buffer } = await file.read(Buffer.alloc(2), 0, 2, 1024 + 0x38)
  expect(buffer.toString('latin1')).toBe('\x53\xef')
})
