import { execFileSync } from 'node:child_process'
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BiosTarget, Sysroot } from '@bootc-sdk/core'
import { nodeDir, nodeSysroot } from '@bootc-sdk/core/node'

const mib = 1 << 20
const rootUuid = '0d6b1f0e-6f0c-4d1a-9f57-0a6a1c2f3b4d'
const espId = '1A2B3C4D'
const parts = {
  bios: { start: 1, size: 1, type: '21686148-6449-6E6F-744E-656564454649' },
  esp: { start: 2, size: 40, type: 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B' },
  root: { start: 42, size: 100, type: '4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709' },
} as const

const uuids = { root: rootUuid, esp: `${espId.slice(0, 4)}-${espId.slice(4)}` }

export interface BootDisk {
  readonly path: string
  readonly bios: BiosTarget
  /** Trees that `pack` makes file systems of. */
  readonly root: string
  readonly esp: string
  pack(): void
  /** A file of the root file system as it is now. */
  read(path: string): Buffer
  dispose(): void
}

const tool = (program: string, ...args: readonly string[]): Buffer =>
  execFileSync(program, args, {
    env: { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin`, MTOOLS_SKIP_CHECK: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })

/** A disk of 150 MiB with a BIOS boot partition, an ESP and an ext4 root, made without root and loop devices. */
export function bootDisk(): BootDisk {
  const dir = mkdtempSync(join(tmpdir(), 'grub-disk-'))
  const path = join(dir, 'disk.img')
  const [root, esp] = ['root', 'esp'].map((name) => join(dir, name)) as [string, string]
  tool('mkdir', root, esp)
  writeFileSync(path, '')
  truncateSync(path, 150 * mib)
  const table = Object.values(parts).map(
    ({ start, size, type }) => `start=${start}MiB,size=${size}MiB,type=${type}`,
  )
  execFileSync('/usr/sbin/sfdisk', ['-q', path], { input: ['label: gpt', ...table].join('\n') })
  const at = ({ start }: { readonly start: number }) => start * mib
  return {
    path,
    root,
    esp,
    bios: {
      startBytes: at(parts.bios),
      sizeBytes: parts.bios.size * mib,
      async write(bootCode, core) {
        const fd = openSync(path, 'r+')
        writeSync(fd, bootCode, 0, bootCode.length, 0)
        writeSync(fd, core, 0, core.length, at(parts.bios))
        closeSync(fd)
      },
    },
    pack() {
      const { size } = parts.root
      tool(
        'mke2fs',
        '-q',
        '-F',
        '-t',
        'ext4',
        '-O',
        'verity',
        '-U',
        rootUuid,
        '-E',
        `offset=${at(parts.root)}`,
        '-d',
        root,
        path,
        `${size}M`,
      )
      const offset = String(at(parts.esp) / 512)
      tool(
        'mkfs.vfat',
        '--offset',
        offset,
        '-F',
        '32',
        '-s',
        '1',
        '-i',
        espId,
        path,
        String(parts.esp.size * 1024),
      )
      const names = tool('ls', '-A', esp).toString().split('\n').filter(Boolean)
      if (names.length > 0) {
        tool('mcopy', '-s', '-i', `${path}@@${at(parts.esp)}`, ...names.map((name) => join(esp, name)), '::/')
      }
    },
    read(file) {
      const out = join(dir, 'out')
      rmSync(out, { force: true })
      tool('debugfs', '-R', `dump ${file} ${out}`, `${path}?offset=${at(parts.root)}`)
      return readFileSync(out)
    },
    dispose: () => rmSync(dir, { recursive: true, force: true }),
  }
}

/** A sysroot on the trees of a disk. */
export function sysrootOn(disk: BootDisk): Sysroot {
  mkdirSync(`${disk.root}/boot`)
  const whole = nodeSysroot(disk.root)
  return {
    ...whole,
    boot: { ...whole.boot, fsType: 'ext4', uuid: uuids.root },
    esps: [{ dir: nodeDir(disk.esp), fsType: 'vfat', uuid: uuids.esp, bootPrefix: '/' }],
  }
}
