import { spawnSync } from 'node:child_process'

const env = { ...process.env, LC_ALL: 'C', PATH: `${process.env['PATH']}:/usr/sbin:/sbin` }

/** Packages of Debian that the tests use programs of. */
const packages = {
  mke2fs: 'e2fsprogs',
  'mkfs.vfat': 'dosfstools',
  'mkfs.xfs': 'xfsprogs',
  'mkfs.btrfs': 'btrfs-progs',
  mcopy: 'mtools',
  sgdisk: 'gdisk',
  sfdisk: 'fdisk',
  'qemu-img': 'qemu-utils',
} as const

/** Why a test cannot run here, or false. On CI missing programs are failures. */
export function missing(...tools: readonly (keyof typeof packages)[]): string | false {
  const absent = tools.filter((tool) => spawnSync(tool, ['-V'], { env }).error !== undefined)
  if (absent.length === 0) return false
  const why = `needs ${absent.map((tool) => `${tool} (package ${packages[tool]})`).join(', ')}`
  if (process.env['CI'] !== undefined) throw new Error(why)
  return why
}

/** Run a program to a good end. @returns stdout and stderr */
export function tool(program: string, args: readonly string[], options: { input?: string } = {}): string {
  const result = spawnSync(program, args, { env, encoding: 'utf8', maxBuffer: 1 << 28, ...options })
  if (result.error !== undefined) throw result.error
  if (result.status !== 0) {
    throw new Error(`${program} ${args.join(' ')}: ${result.status}\n${result.stdout}${result.stderr}`)
  }
  return result.stdout + result.stderr
}

/** Copy a partition of a disk to a file of its own. */
export function extract(image: string, part: { startBytes: number; sizeBytes: number }, to: string): void {
  const mebibyte = 1 << 20
  const { startBytes, sizeBytes } = part
  const blocks = ['bs=1M', `skip=${startBytes / mebibyte}`, `count=${sizeBytes / mebibyte}`]
  tool('dd', [`if=${image}`, `of=${to}`, 'conv=sparse', 'status=none', ...blocks])
}
