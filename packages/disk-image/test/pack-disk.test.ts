import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { chmod, mkdir, readdir, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Dir } from '@bootc-sdk/core'
import { nodeDir, nodeHost } from '@bootc-sdk/core/node'
import { expect, test } from 'vitest'
import {
  type DiskRequest,
  hostFormatters,
  hostSource,
  type PackOptions,
  packDisk,
  recordedSource,
  recordingDir,
} from '../src/index.js'
import { scratch } from './scratch.js'
import { extract, missing, tool } from './tools.js'

const without = missing('mke2fs', 'mkfs.vfat', 'mcopy', 'sgdisk', 'sfdisk', 'qemu-img')
const packing = test.skipIf(without !== false)
const mebibyte = 1 << 20

/** A small sysroot with everything in it that is hard to pack. */
async function makeSysroot(path: string, order: 'forwards' | 'backwards' = 'forwards'): Promise<Dir> {
  await mkdir(path)
  const dir = await recordingDir(nodeDir(path))
  const steps: (() => Promise<void>)[] = [
    async () => {
      await dir.mkdir('etc')
      await dir.write('etc/shadow', Buffer.from('root:*:::::::\n'), { mode: 0, gid: 42 })
      await dir.write('etc/passwd', Buffer.from('root:x:0:0::/root:/bin/sh\n'), { mode: 0o644 })
    },
    async () => {
      await dir.mkdir('repo', { mode: 0o755 })
      for (let i = 0; i < 150; i++) {
        const xattrs = [{ name: 'security.selinux', value: Buffer.from('system_u:object_r:bin_t:s0\0') }]
        await dir.write(`repo/object-${String(i).padStart(3, '0')}`, Buffer.from(`content ${i}\n`), {
          mode: 0o4755,
          uid: 1000 + i,
          gid: 70_000,
          xattrs,
          mtime: 0,
        })
      }
    },
    async () => {
      await dir.mkdir('many')
      for (let i = 0; i < 20; i++) await dir.symlink(`target-${i}`, `many/link-${i}`)
    },
    async () => {
      await dir.mkdir('odd')
      const names = ['with space', 'with "quotes"', '<12>', '-p', 'back\\slash', 'ünï', '#x', "it's", '?@@1']
      for (const name of names) {
        await dir.write(`odd/${name}`, Buffer.from(name))
        await dir.mkdir(`odd/${name}.d`)
        await dir.symlink(name, `odd/${name}.l`)
      }
      await dir.symlink('x'.repeat(200), 'odd/long')
      await dir.write('odd/raw-\udcff', Buffer.from('not UTF-8'))
    },
    async () => {
      await dir.mkdir('deploy')
      await dir.mkdir('deploy/a', { mode: 0o700, uid: 5 })
    },
  ]
  if (order === 'backwards') steps.reverse()
  for (const step of steps) await step()
  // More names than a block of a directory holds.
  for (let i = 0; i < 150; i++) {
    await dir.link(`repo/object-${String(i).padStart(3, '0')}`, `deploy/a/${'n'.repeat(60)}-${i}`)
  }
  await dir.setImmutable!('deploy/a', true)
  await dir.setMeta('', { mode: 0o750 })
  await writeFile(join(path, 'sparse'), 'start')
  await truncate(join(path, 'sparse'), 16 * mebibyte)
  await writeFile(join(path, '.bootc-sdk-lock'), '')
  return dir
}

async function makeEsp(path: string): Promise<Dir> {
  await mkdir(path)
  const dir = nodeDir(path)
  await dir.mkdir('EFI')
  await dir.mkdir('EFI/BOOT')
  await dir.write('EFI/BOOT/BOOTX64.EFI', Buffer.alloc(300_000, 'MZ'))
  await dir.mkdir('loader')
  await dir.mkdir('loader/entries')
  await dir.write('loader/loader.conf', Buffer.from('timeout 5\n'))
  await dir.write('loader/entries/bootc_debian-13-1+3.conf', Buffer.from('title Debian\n'))
  return dir
}

const disk: DiskRequest = {
  architecture: 'amd64',
  bootMode: 'both',
  rootFs: 'ext4',
  seed: 'sha256:0000',
  espBytes: 34 * mebibyte,
  rootBytes: 144 * mebibyte,
}

async function pack(
  root: Dir,
  esp: Dir,
  outPath: string,
  more: Partial<PackOptions> = {},
): ReturnType<typeof packDisk> {
  const host = nodeHost({ live: false })
  return packDisk({
    disk,
    sources: {
      root: recordedSource(root as Awaited<ReturnType<typeof recordingDir>>),
      esp: { tree: esp, contentPath: esp.hostPath! },
    },
    formatters: hostFormatters(host),
    format: 'raw',
    outPath,
    ...more,
  })
}

async function digest(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}

packing('a disk holds what was recorded, and the real tools find nothing wrong with it', async () => {
  const at = await scratch()
  const root = await makeSysroot(join(at, 'root'))
  const esp = await makeEsp(join(at, 'esp'))
  const image = join(at, 'a disk?x@@y.img')
  const events: string[] = []
  const { plan } = await pack(root, esp, image, { onProgress: ({ type }) => events.push(type) })
  expect(events).toEqual(['disk:scan', ...Array<string>(4).fill('disk:format'), 'disk:done'])
  expect((await readdir(at)).sort()).toEqual(['a disk?x@@y.img', 'esp', 'root'])

  expect(tool('sgdisk', ['-v', image])).toContain('No problems found')
  const dump = tool('sfdisk', ['-d', image])
  expect(dump).toContain(`label-id: ${plan.diskUuid.toUpperCase()}`)
  expect(dump).toContain('type=21686148-6449-6E6F-744E-656564454649')
  expect(dump).toContain('name="EFI-SYSTEM"')
  expect(dump).toMatch(/type=4F68BCE3-.* name="root", attrs="GUID:59"/)

  const [, espPart, rootPart] = plan.partitions
  const fat = join(at, 'esp.img')
  const ext4 = join(at, 'root.img')
  extract(image, espPart!, fat)
  extract(image, rootPart!, ext4)
  expect(tool('fsck.fat', ['-n', fat])).toContain('files')
  expect(tool('mdir', ['-i', fat, '-/', '-b', '::/'])).toContain('::/loader/entries/bootc_debian-13-1+3.conf')
  expect(tool('blkid', ['-p', fat])).toContain(`UUID="${espPart!.fs!.uuid}"`)
  tool('e2fsck', ['-fn', ext4])
  expect(tool('blkid', ['-p', ext4])).toContain(`UUID="${rootPart!.fs!.uuid}"`)

  const debugfs = (command: string) => tool('debugfs', ['-R', command, ext4])
  expect(debugfs('stats')).toMatch(/Filesystem features:.* verity/)
  expect(debugfs('stat /etc/shadow')).toMatch(/Mode: {2}0000 .*\nGeneration.*\nUser: {5}0 {3}Group: {4}42 /)
  expect(debugfs('stat /repo/object-149')).toMatch(
    /Mode: {2}04755[^]*User: {2}1149 {3}Group: 70000[^]*Links: 2/,
  )
  expect(debugfs('stat /repo/object-149')).toMatch(/mtime: 0x00000000/)
  expect(debugfs('ea_get -x /repo/object-001 security.selinux')).toContain('73 79 73 74')
  expect(debugfs('stat /')).toMatch(/Mode: {2}0750/)
  expect(debugfs('stat /deploy/a')).toMatch(/Mode: {2}0700 {3}Flags: 0x80010[^]*User: {5}5/)
  const names = debugfs('ls -p /odd')
    .split('\n')
    .map((line) => line.split('/')[5])
  for (const name of ['with space', 'with "quotes"', '<12>', '-p', '-p.d', '<12>.l', '#x', '?@@1']) {
    expect(names).toContain(name)
  }
  expect(debugfs('cat "/odd/with ""quotes"""')).toContain('with "quotes"')
  expect(debugfs('stat /odd/long')).toContain('Size: 200')
  // A hole stays a hole.
  expect(Number(/Blockcount: (\d+)/.exec(debugfs('stat /sparse'))![1])).toBeLessThan(100)
  expect((await stat(image)).blocks * 512).toBeLessThan(40 * mebibyte)
  expect(() => debugfs('stat /.bootc-sdk-lock')).not.toThrow()
  expect(debugfs('ls -p /')).not.toContain('.bootc-sdk-lock')
})

packing('the same input gives the same bytes, whatever the order and time in which it was made', async () => {
  const at = await scratch()
  const first = await makeSysroot(join(at, 'first'))
  const second = await makeSysroot(join(at, 'second'), 'backwards')
  await chmod(join(at, 'second/etc/passwd'), 0o600)
  await pack(first, await makeEsp(join(at, 'esp1')), join(at, '1.img'))
  await new Promise((resolve) => setTimeout(resolve, 2100))
  await pack(second, await makeEsp(join(at, 'esp2')), join(at, '2.img'))
  // The mode on disk is what differs; all else is as recorded.
  expect(await digest(join(at, '2.img'))).not.toBe(await digest(join(at, '1.img')))
  await chmod(join(at, 'second/etc/passwd'), 0o644)
  await pack(second, await makeEsp(join(at, 'esp3')), join(at, '3.img'))
  expect(await digest(join(at, '3.img'))).toBe(await digest(join(at, '1.img')))
})

packing('qcow2 is the same disk, smaller, and always the same bytes', async () => {
  const at = await scratch()
  const root = await makeSysroot(join(at, 'root'))
  const esp = await makeEsp(join(at, 'esp'))
  await pack(root, esp, join(at, 'disk.img'))
  await pack(root, esp, join(at, 'disk.qcow2'), { format: 'qcow2' })
  await pack(root, esp, join(at, 'again.qcow2'), { format: 'qcow2' })
  expect(tool('qemu-img', ['check', join(at, 'disk.qcow2')])).toContain('No errors were found')
  const compared = tool('qemu-img', ['compare', join(at, 'disk.img'), join(at, 'disk.qcow2')])
  expect(compared).toContain('Images are identical')
  expect(await digest(join(at, 'again.qcow2'))).toBe(await digest(join(at, 'disk.qcow2')))
  expect((await stat(join(at, 'disk.qcow2'))).size).toBeLessThan(30 * mebibyte)
})

packing('aborting leaves nothing, and what was there before', async () => {
  const at = await scratch()
  const root = await makeSysroot(join(at, 'root'))
  const esp = await makeEsp(join(at, 'esp'))
  const outPath = join(at, 'disk.img')
  await writeFile(outPath, 'before')
  const controller = new AbortController()
  const packed = pack(root, esp, outPath, {
    signal: controller.signal,
    onProgress: ({ type }) => {
      if (type === 'disk:format') controller.abort(new Error('enough'))
    },
  })
  await expect(packed).rejects.toThrow('enough')
  expect((await readdir(at)).sort()).toEqual(['disk.img', 'esp', 'root'])
  expect((await stat(outPath)).size).toBe(6)
})

const asRoot = without !== false || process.getuid!() !== 0
test.skipIf(asRoot)('a directory made by root is packed as it is on disk', async () => {
  const at = await scratch()
  await mkdir(join(at, 'root'))
  const dir = nodeDir(join(at, 'root'))
  await dir.mkdir('d', { uid: 12, gid: 13, mode: 0o2750 })
  const xattrs = dir.supports.xattrs ? [{ name: 'user.note', value: Buffer.from('kept') }] : []
  await dir.write('d/f', Buffer.from('f'), { uid: 14, mode: 0o6711, xattrs })
  await dir.link('d/f', 'g')
  await dir.setImmutable?.('d', true)
  const image = join(at, 'disk.img')
  try {
    const root = await hostSource(dir, nodeHost({ live: false }))
    const { plan } = await packDisk({
      disk: { architecture: 'amd64', bootMode: 'bios', rootFs: 'ext4', seed: 's', rootBytes: 128 * mebibyte },
      sources: { root },
      formatters: hostFormatters(nodeHost({ live: false })),
      format: 'raw',
      outPath: image,
    })
    extract(image, plan.partitions[1]!, join(at, 'root.img'))
  } finally {
    await dir.setImmutable?.('d', false)
  }
  const debugfs = (command: string) => tool('debugfs', ['-R', command, join(at, 'root.img')])
  tool('e2fsck', ['-fn', join(at, 'root.img')])
  const flags = dir.setImmutable === undefined ? '0x80000' : '0x80010'
  expect(debugfs('stat /d')).toMatch(
    new RegExp(`Mode: {2}02750 {3}Flags: ${flags}[^]*User: {4}12 {3}Group: {4}13`),
  )
  expect(debugfs('stat /g')).toMatch(/Mode: {2}06711[^]*User: {4}14[^]*Links: 2/)
  if (dir.supports.xattrs) expect(debugfs('ea_get /g user.note')).toContain('kept')
})
