import { isBootcError, type BootEntry, type Dir, type Sysroot } from '@bootc-sdk/core'
import { parseBlsEntry } from '@bootc-sdk/core/bls'
import { splitKargs } from '@bootc-sdk/core/kargs'
import { parseComposefsKarg } from '../boot/karg.js'
import { isDeploymentId } from './layout.js'
import { readText } from '@bootc-sdk/core/store-kit'

/*
 * Boot entries are a part of bootc's format: they are what says which deployments exist, and what a staged one
 * will boot with. This only looks; writing them is the boot loader's.
 */

/** A boot entry of a deployment. */
export interface DeploymentEntry {
  readonly id: string
  readonly entry: BootEntry
}

const sets = { active: 'loader/entries', staged: 'loader/entries.staged' } as const

/** As `readDeploymentEntries`, from wherever loaders keep them. */
export async function readAllEntries(
  { boot, esps }: Pick<Sysroot, 'boot' | 'esps'>,
  set: keyof typeof sets,
): Promise<DeploymentEntry[]> {
  const dirs = new Set([boot, ...esps].map(({ dir }) => dir))
  const found: DeploymentEntry[] = []
  for (const dir of dirs) found.push(...(await readDeploymentEntries(dir, set)))
  return found
}

/** Entries on the boot volume that boot from an image, in no particular order. */
export async function readDeploymentEntries(boot: Dir, set: keyof typeof sets): Promise<DeploymentEntry[]> {
  const directory = await directoryOf(boot, set)
  if (directory === undefined || (await boot.stat(directory))?.type !== 'directory') return []
  const found: DeploymentEntry[] = []
  for await (const { name, stat } of boot.list(directory)) {
    if (stat.type !== 'file' || !name.endsWith('.conf')) continue
    const entry = parseBlsEntry((await readText(boot, `${directory}/${name}`)) ?? '', name)
    const id = idOfCmdline(entry.options)
    if (id !== undefined) found.push({ id, entry })
  }
  return found
}

/** Beside entries of libostree, `loader` is a link to one of two directories, and what waits is in the other. */
async function directoryOf(boot: Dir, set: keyof typeof sets): Promise<string | undefined> {
  const loader = await boot.stat('loader')
  if (loader?.type === 'directory') return sets[set]
  const active = loader?.type === 'symlink' ? /^loader\.([01])\/?$/.exec(await boot.readlink('loader')) : null
  if (active === null) return undefined
  const number = set === 'active' ? active[1]! : active[1] === '0' ? '1' : '0'
  const parent = `loader.${number}`
  return (await boot.stat(parent))?.type === 'directory' ? `${parent}/entries` : undefined
}

/** The deployment that a command line boots. */
export function idOfCmdline(cmdline: string): string | undefined {
  try {
    const id = parseComposefsKarg(cmdline)?.id
    return id !== undefined && isDeploymentId(id) ? id : undefined
  } catch (error) {
    if (isBootcError(error)) return undefined
    throw error
  }
}

/** Words of a command line, with those that would select another image left out. */
export function kargsOf({ entry }: DeploymentEntry): readonly string[] {
  return splitKargs(entry.options)
}

/** Name of the directory that an entry's kernel is in. */
export function kernelDirOf({ entry }: DeploymentEntry): string | undefined {
  return /(?:^|\/)(bootc_composefs-[0-9a-f]+)\/[^/]+$/.exec(entry.linux ?? '')?.[1]
}
