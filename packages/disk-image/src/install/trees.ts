import { mkdir, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Dir, Host } from '@bootc-sdk/core'
import { nodeDir } from '@bootc-sdk/core/node'
import { hostSource } from '../host-source.js'
import type { PackOptions } from '../pack-disk.js'
import { type Carved, carvedSources } from './carve-data.js'
import type { DiskPlan } from '../plan/plan-disk.js'
import type { PackingSysrootOptions } from '../record/packing-sysroot.js'
import type { FoundOutput } from './output.js'
import { scratchRoot, type ScratchRoot } from './scratch-root.js'
import { scratchDir } from './scratch-dir.js'

/** A directory for all others, beside what is to be made: there is room where the disk has to go anyway. */
export async function makeScratch(scratchPath: string | undefined, output: FoundOutput): Promise<string> {
  const above = scratchPath ?? (output.deviceBytes === undefined ? dirname(output.path) : tmpdir())
  return mkdtemp(join(above, '.bootc-sdk-disk-'))
}

/** Directories that become file systems. */
export interface Trees {
  readonly run: Dir
  readonly root: ScratchRoot
  readonly esp?: Dir
  readonly xbootldr?: ScratchRoot
}

export async function makeTrees(scratch: string, host: Host, outline: DiskPlan): Promise<Trees> {
  const has = (role: string) => outline.partitions.some((partition) => partition.role === role)
  const plain = async (name: string) => {
    await mkdir(join(scratch, name))
    return scratchDir(nodeDir(join(scratch, name)))
  }
  return {
    run: await plain('run'),
    root: await scratchRoot(join(scratch, 'root'), host),
    ...(has('esp') ? { esp: await plain('esp') } : {}),
    ...(has('xbootldr') ? { xbootldr: await scratchRoot(join(scratch, 'boot'), host) } : {}),
  }
}

/** As the sysroot sees them. */
export function volumes(
  { root, esp, xbootldr }: Trees,
  bootFs: 'vfat' | 'ext4' | undefined,
): Pick<PackingSysrootOptions, 'root' | 'esp' | 'xbootldr'> {
  return {
    root: root.dir,
    ...(esp === undefined ? {} : { esp }),
    ...(xbootldr === undefined || bootFs === undefined
      ? {}
      : { xbootldr: { dir: xbootldr.dir, fsType: bootFs } }),
  }
}

export function uuidsOf({ partitions }: DiskPlan): Partial<Record<'root' | 'esp' | 'xbootldr', string>> {
  return Object.fromEntries(partitions.map(({ role, fs }) => [role, fs?.uuid]))
}

/** As they are packed, when they are filled. */
export async function sourcesOf(
  { root, esp, xbootldr }: Trees,
  host: Host,
  carved: Carved,
): Promise<PackOptions['sources']> {
  const source = await root.source()
  return {
    root: source,
    data: carvedSources(source, carved),
    ...(esp === undefined ? {} : { esp: await hostSource(esp, host) }),
    ...(xbootldr === undefined ? {} : { xbootldr: await xbootldr.source() }),
  }
}
