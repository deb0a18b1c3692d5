import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { guestsWanted } from './wanted.js'

const root = join(import.meta.dirname, '../..')
const cli = join(root, 'packages/cli/bin/bootc-sdk.js')

/** Why these tests cannot run here, or undefined. In CI nothing may be missing. */
export function missing(...programs: string[]): string | undefined {
  const reasons = programs.filter((name) => spawnSync('which', [name]).status !== 0).map((p) => `no ${p}`)
  if (process.getuid?.() !== 0) reasons.push('not root')
  if (!existsSync(join(root, 'packages/cli/dist/main.js'))) reasons.push('the command is not built')
  if (reasons.length > 0 && process.env['CI']) throw new Error(`e2e tests need more: ${reasons.join(', ')}`)
  return reasons.length > 0 ? reasons.join(', ') : undefined
}

/** A real program; returns its output, throws with its errors. */
export function run(...argv: [string, ...string[]]): string {
  return execFileSync(argv[0], argv.slice(1), {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

/** Our command; results of stdout. */
export function bootc(...args: string[]): string {
  return run(process.execPath, cli, ...args)
}

export function bootcArgv(...args: string[]): [string, ...string[]] {
  return [process.execPath, cli, ...args]
}

export interface InstallOptions {
  /** Default ostree. */
  readonly store?: 'ostree' | 'composefs'
  readonly kargs?: readonly string[]
  /** What to follow for updates, as `oci:` and a layout; default the image itself. */
  readonly target?: `oci:${string}`
}

/** Install an image into a directory, with GRUB's boot entries. */
export function install(imgref: string, sysroot: string, options: InstallOptions = {}): void {
  const { store = 'ostree', kargs = [], target } = options
  bootc(
    ...['install', 'to-filesystem', '--store', store, '--bootloader', 'grub', '--source-imgref', imgref],
    ...(target === undefined ? [] : ['--target-transport', 'oci', '--target-imgref', target.slice(4)]),
    ...kargs.flatMap((karg) => ['--karg', karg]),
    sysroot,
  )
}

/** A scratch directory; `clean` also clears immutable flags of deployments. */
export function scratch(): { path: string; clean: () => void } {
  const path = mkdtempSync(join(process.env['E2E_DIR'] ?? tmpdir(), 'bootc-sdk-e2e-'))
  return {
    path,
    clean: () => {
      spawnSync('chattr', ['-R', '-f', '-i', path])
      rmSync(path, { recursive: true, force: true })
    },
  }
}

/**
 * The directory that make-image.sh fills: `oci` (tags v1, v2, …) and `boot`; built once per machine and change. Unified
 * kernel images and those with another initramfs are among them where all tests with machines run.
 */
export function debianImageDir(): string {
  const dir = process.env['E2E_IMAGE_DIR'] ?? '/var/tmp/bootc-sdk-e2e/image'
  mkdirSync(dir, { recursive: true })
  const more = guestsWanted() === 'all' ? ['--uki', newerToolsDir(), '--initramfs-tools'] : []
  run(join(root, 'e2e/make-image.sh'), ...more, dir)
  return dir
}

/** The bootable Debian layout (tags v1, v2, v3). */
export function debianImage(): string {
  return join(debianImageDir(), 'oci')
}

/** A Debian root with newer tools than the machine's: ostree, mkcomposefs, GRUB. */
export function newerToolsDir(): string {
  const dir = process.env['E2E_TOOLS_DIR'] ?? '/var/tmp/bootc-sdk-e2e/tools'
  run(join(root, 'e2e/tools.sh'), 'create', dir)
  return dir
}

/** A runner for commands of {@link newerToolsDir} that see `path`. */
export function newerTools(path: string): (...argv: string[]) => string {
  const dir = newerToolsDir()
  const script = join(root, 'e2e/tools.sh')
  return (...argv) => run(script, 'run', dir, path, ...argv)
}

/** Where what a test leaves for people is kept, such as serial logs; not removed afterwards. */
export function outputDir(...names: string[]): string {
  return join(process.env['E2E_OUTPUT_DIR'] ?? join(root, 'e2e/output'), ...names)
}
