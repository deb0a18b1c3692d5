import { execFileSync } from 'node:child_process'
import {
  closeSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from './tools.js'

const MiB = 1 << 20
const espMiB = 64
const rootStartMiB = 1 + espMiB

/**
 * Write a disk image from two trees, without a loop device or a mount: an EFI system partition, and an ext4 root (label
 * "root") that can do fs-verity. Owners and attributes are those of the tree.
 */
export function makeDisk(image: string, trees: { esp: string; root: string; rootMiB?: number }): void {
  const { esp, root, rootMiB = 3072 } = trees
  rmSync(image, { force: true })
  writeFileSync(image, '')
  truncateSync(image, (rootStartMiB + rootMiB + 1) * MiB)
  execFileSync('sfdisk', ['-q', image], {
    input:
      'label: gpt\n' +
      `start=1MiB, size=${espMiB}MiB, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, name=esp\n` +
      `start=${rootStartMiB}MiB, size=${rootMiB}MiB, type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709, name=root\n`,
    stdio: ['pipe', 'ignore', 'inherit'],
  })
  // In place: dosfstools wants its size in KiB.
  run(
    ...['mkfs.vfat', '-s', '1', `--offset=${MiB / 512}`, '-F', '32', '-n', 'ESP', image],
    `${espMiB * 1024}`,
  )
  run('mcopy', '-Q', '-s', '-i', `${image}@@1M`, ...readdirSync(esp).map((name) => join(esp, name)), '::/')
  ext4(image, root, { label: 'root', sizeMiB: rootMiB, startMiB: rootStartMiB })
}

/** Write an image that is one ext4 file system. */
export function makeDataDisk(image: string, tree: string, label: string, sizeMiB: number): void {
  rmSync(image, { force: true })
  ext4(image, tree, { label, sizeMiB, startMiB: 0 })
}

function ext4(
  image: string,
  tree: string,
  { label, sizeMiB, startMiB }: { label: string; sizeMiB: number; startMiB: number },
): void {
  const options = ['-q', '-F', '-t', 'ext4', '-O', 'verity', '-L', label, '-E', `offset=${startMiB * MiB}`]
  run('mke2fs', ...options, '-d', tree, image, `${sizeMiB}M`)
}

/** The root file system of an image made by {@link makeDisk}, while no guest runs from it. */
export function offlineRoot(image: string) {
  const device = `${image}?offset=${rootStartMiB * MiB}`
  const debugfs = (request: string, ...options: string[]) => run('debugfs', ...options, '-R', request, device)
  return {
    /** Names in a directory. */
    list: (path: string): string[] =>
      debugfs(`ls -p ${path}`)
        .split('\n')
        .map((line) => line.split('/')[5] ?? '')
        .filter((name) => name !== '' && name !== '.' && name !== '..'),
    read: (path: string): string => debugfs(`cat ${path}`),
    /** Replace a file by another one with the same path. */
    write(path: string, data: string | Buffer): void {
      const dir = mkdtempSync(join(tmpdir(), 'bootc-sdk-file-'))
      writeFileSync(join(dir, 'data'), data)
      debugfs(`rm ${path}`, '-w')
      debugfs(`write ${join(dir, 'data')} ${path}`, '-w')
      rmSync(dir, { recursive: true })
    },
    /**
     * Invert bytes of a file on the medium, below its file system.
     *
     * @param block which 4096-byte block of the file
     * @returns a function that puts them back
     */
    damage(path: string, block = 0): () => void {
      const blocks = debugfs(`blocks ${path}`).trim().split(/\s+/).map(Number)
      const physical = blocks[block]
      if (!physical) throw new Error(`${path} has no block ${block}`)
      const flip = () => invert(image, rootStartMiB * MiB + physical * 4096 + 100, 16)
      flip()
      return flip
    },
  }
}

function invert(file: string, offset: number, length: number): void {
  const fd = openSync(file, 'r+')
  const bytes = Buffer.alloc(length)
  readSync(fd, bytes, 0, length, offset)
  writeSync(
    fd,
    bytes.map((byte) => byte ^ 0xff),
    0,
    length,
    offset,
  )
  closeSync(fd)
}
