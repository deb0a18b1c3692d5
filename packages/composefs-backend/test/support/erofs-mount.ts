import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A root file system with mkcomposefs, composefs-info and mount.composefs, as `e2e/tools.sh create` makes it. */
const tools = process.env['E2E_TOOLS_DIR']

/** Why images cannot be mounted here; undefined when they can. */
export const noMount: string | undefined = whyNoMount()

/** The same for mount.composefs and composefs-info. */
export const noComposefsTools: string | undefined =
  noMount ??
  (tools === undefined || !existsSync(join(tools, 'usr/bin/composefs-info'))
    ? 'no composefs tools in E2E_TOOLS_DIR'
    : undefined)

export interface MountOptions {
  readonly image: string
  /** Directory with `xx/rest`. */
  readonly objects: string
  /** Scratch directory that holds the two above; mount points are made in it. */
  readonly scratch: string
  /**
   * `kernel`: EROFS through a loop device, under an overlay with the objects as data-only layer.
   * `mount.composefs`: the tool of C composefs does it. No verity is asked for in either case.
   */
  readonly by: 'kernel' | 'mount.composefs'
}

/**
 * Run a program while an image is mounted; all is unmounted when it ends, however it ends, since it happens
 * in a mount namespace of its own.
 *
 * @param argv gets the mount point
 * @returns what the program printed
 */
export function runInMount(options: MountOptions, argv: (mountPoint: string) => readonly string[]): string {
  const { image, objects, scratch, by } = options
  const mountPoint = join(scratch, 'mounted')
  mkdirSync(mountPoint, { recursive: true })
  if (by === 'kernel') {
    const lower = join(scratch, 'lower')
    mkdirSync(lower, { recursive: true })
    const script = `
      mount -t erofs -o ro,loop "$1" "$2"
      mount -t overlay -o "ro,metacopy=on,redirect_dir=on,lowerdir=$2::$3" overlay "$4"
      shift 4
      exec "$@"`
    return unshared(script, image, lower, objects, mountPoint, ...argv(mountPoint))
  }
  const script = `
    root=$1 scratch=$2 image=$3 objects=$4 at=$5
    shift 5
    mkdir -p "$root$scratch"
    mount --bind "$scratch" "$root$scratch"
    mount -t proc proc "$root/proc"
    mountpoint -q "$root/dev" || mount --rbind /dev "$root/dev"
    chroot "$root" mount.composefs -o "ro,basedir=$objects" "$image" "$at"
    exec "$@"`
  try {
    return unshared(script, tools!, scratch, image, objects, mountPoint, ...argv(tools! + mountPoint))
  } finally {
    removeMountPoint(scratch)
  }
}

/** A tool of C composefs; it sees `scratch` under the same name. */
export function composefsTool(scratch: string, ...argv: string[]): string {
  const script = fileURLToPath(new URL('../../../../e2e/tools.sh', import.meta.url))
  const options = { encoding: 'latin1', maxBuffer: 1 << 28 } as const
  try {
    return execFileSync(script, ['run', tools!, scratch, ...argv], options)
  } finally {
    removeMountPoint(scratch)
  }
}

export const walkScript = fileURLToPath(new URL('walk.py', import.meta.url))
export const sourceTreeScript = fileURLToPath(new URL('source-tree.py', import.meta.url))

/** In the tools' root file system; empty, as what was mounted on it went with its namespace. */
function removeMountPoint(scratch: string): void {
  spawnSync('rmdir', [tools! + scratch])
}

function unshared(script: string, ...args: string[]): string {
  return execFileSync('unshare', ['--mount', 'bash', '-euc', script, '_', ...args], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  })
}

function whyNoMount(): string | undefined {
  if (process.getuid?.() !== 0) return 'not root'
  for (const program of ['python3', 'unshare', 'mount']) {
    if (spawnSync('which', [program]).status !== 0) return `no ${program}`
  }
  spawnSync('modprobe', ['-qa', 'erofs', 'overlay', 'loop'])
  const systems = readFileSync('/proc/filesystems', 'utf8')
  for (const name of ['erofs', 'overlay']) if (!new RegExp(`\\b${name}\\n`).test(systems)) return `no ${name}`
  return spawnSync('losetup', ['-f']).status === 0 ? undefined : 'no loop devices'
}
