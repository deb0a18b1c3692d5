import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BootcError, isBootcError } from '@bootc-sdk/core'
import type { Host, OpOptions, ReadTree } from '@bootc-sdk/core'
import { isDirectory, readAll } from '@bootc-sdk/core/boot-kit'
import { packTar } from '@bootc-sdk/core/tar'

/** In every core: what finds the boot volume, reads it, runs the menu and counts. */
const commonModules = [
  ...['normal', 'search', 'search_fs_uuid', 'search_label', 'search_fs_file', 'configfile', 'echo', 'test'],
  ...[
    'blscfg',
    'blsuki',
    'loadenv',
    'sleep',
    'ls',
    'cat',
    'true',
    'minicmd',
    'boot',
    'linux',
    'chain',
    'halt',
    'reboot',
  ],
  ...[
    'part_gpt',
    'part_msdos',
    'ext2',
    'xfs',
    'btrfs',
    'fat',
    'gzio',
    'all_video',
    'font',
    'serial',
    'terminal',
  ],
]
const platformModules = {
  'i386-pc': ['biosdisk', 'memdisk', 'tar'],
  'x86_64-efi': ['efi_gop', 'fwsetup', 'lsefi'],
  'arm64-efi': ['efi_gop', 'fwsetup', 'fdt', 'lsefi'],
} as const

export type GrubPlatform = keyof typeof platformModules

export interface CoreImageOptions extends OpOptions {
  readonly platform: GrubPlatform
  /** Where the core looks for its configuration: `/EFI/<vendor>`. Absent: `config` is inside. */
  readonly prefix?: string
  readonly config?: string
}

export interface CoreImage {
  readonly image: Buffer
  /** Of the BIOS: the sector that is started first. */
  readonly bootSector?: Buffer
}

/**
 * Make a core image of the modules of an image by the host's grub-mkimage. Modules that this build of GRUB has not
 * are left out.
 *
 * @param modules directory of `tree` with the platform's modules
 * @throws BootcError `HOST_TOOL_MISSING`, `BOOT_LOADER_INVALID`
 */
export async function makeCoreImage(
  host: Pick<Host, 'run'>,
  tree: ReadTree,
  modules: string,
  { platform, prefix, config, signal }: CoreImageOptions,
): Promise<CoreImage> {
  const scratch = await mkdtemp(join(tmpdir(), 'bootc-sdk-grub-'))
  try {
    const names: string[] = []
    for await (const { name, stat } of tree.list(modules)) {
      signal?.throwIfAborted()
      if (stat.type !== 'file' || !/\.(?:mod|img|lst)$/.test(name)) continue
      await writeFile(join(scratch, name), await readAll(tree, `${modules}/${name}`))
      names.push(name)
    }
    const wanted = [...commonModules, ...platformModules[platform]]
    const present = wanted.filter((name) => names.includes(`${name}.mod`))
    const memdisk = join(scratch, 'memdisk.tar')
    if (config !== undefined) {
      await writeFile(memdisk, packTar([{ name: 'boot/grub/grub.cfg', data: config }]))
    }
    const out = join(scratch, 'core.out')
    const inside = config === undefined ? [] : ['--memdisk', memdisk]
    const options = ['--prefix', prefix ?? '(memdisk)/boot/grub', '--directory', scratch, '--output', out]
    await run(host, ['--format', platform, ...options, ...inside, ...present], signal)
    const bootSector = names.includes('boot.img') ? await readFile(join(scratch, 'boot.img')) : undefined
    return { image: await readFile(out), ...(bootSector === undefined ? {} : { bootSector }) }
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

/** Modules of a platform in an image or on a host; undefined where there are none. */
export async function findModules(tree: ReadTree, platform: GrubPlatform): Promise<string | undefined> {
  for (const home of ['usr/lib/grub', 'usr/lib/grub2', 'usr/share/grub2']) {
    const path = `${home}/${platform}`
    if ((await isDirectory(tree, path)) && (await tree.stat(`${path}/kernel.img`)) !== undefined) return path
  }
  return undefined
}

/** Debian's name, then Fedora's. */
const programs = ['grub-mkimage', 'grub2-mkimage'] as const

async function run(host: Pick<Host, 'run'>, args: readonly string[], signal: AbortSignal | undefined) {
  for (const program of programs) {
    const result = await host
      .run([program, ...args], { env: { LC_ALL: 'C' }, signal })
      .catch((error: unknown) => {
        if (isBootcError(error, 'HOST_NO_PROGRAM')) return undefined
        throw error
      })
    signal?.throwIfAborted()
    if (result === undefined || result.code === 127) continue
    if (result.code === 0) return
    const why = result.stderr.trim().split('\n').at(-1) ?? ''
    throw new BootcError('BOOT_LOADER_INVALID', `GRUB's core image could not be made: ${why}`, {
      details: { exitCode: result.code, stderr: result.stderr.slice(-2000) },
    })
  }
  const details = { tool: programs[0], debian: 'grub-common', fedora: 'grub2-tools-minimal' }
  const message = `${details.tool} is not installed; it is in package ${details.debian} (Debian), ${details.fedora} (Fedora)`
  throw new BootcError('HOST_TOOL_MISSING', message, { details })
}
