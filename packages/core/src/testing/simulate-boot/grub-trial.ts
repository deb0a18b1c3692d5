import { createHash } from 'node:crypto'
import type { Dir, ReadTree } from '../../interfaces/index.js'
import { readFollowing } from './follow.js'
import type { MenuEntry } from './loaders.js'

/** What GRUB's environment says of a trial. */
export interface GrubTrial {
  readonly path: string
  /** 0 also when it has fallen back. */
  readonly left: number
  /** Is the first entry the one that is on trial? The environment names it by its text. */
  counts(text: Uint8Array): boolean
}

const paths = ['grub2/grubenv', 'grub/grubenv'] as const
const size = 1024

/** The counter as Fedora's configuration reads it, for the entry that our variable names. */
export async function readGrubTrial(boot: ReadTree): Promise<GrubTrial | undefined> {
  const found = await readEnvironment(boot)
  const counter = found?.get('boot_counter')
  if (found === undefined || counter === undefined || found.get('boot_success') !== '0') return undefined
  const trial = found.get('bootc_sdk_trial') ?? ''
  return {
    path: found.path,
    left: Math.max(Number(counter), 0),
    counts: (text) =>
      trial === '' || createHash('sha256').update(text).digest('hex').slice(0, trial.length) === trial,
  }
}

/** GRUB counts when it shows its menu, whatever is chosen there then. */
export async function countGrubBoot(boot: Dir, menu: readonly MenuEntry[]): Promise<void> {
  const onTrial = menu.find(({ count }) => count !== undefined)
  const found = onTrial && menu.length > 1 ? await readEnvironment(boot) : undefined
  if (found === undefined) return
  const counter = Math.max(Number(found.get('boot_counter')) - 1, -1)
  await boot.write(found.path, found.with('boot_counter', String(counter)))
  await boot.sync()
}

async function readEnvironment(boot: ReadTree) {
  for (const path of paths) {
    const text = (await readFollowing(boot, path))?.toString('latin1')
    if (text?.length !== size || !text.startsWith('# GRUB Environment Block\n')) continue
    const lines = text.split('\n')
    const line = (name: string) => lines.find((each) => each.startsWith(`${name}=`))
    return {
      path,
      get: (name: string) => line(name)?.slice(name.length + 1),
      with(name: string, value: string): Uint8Array {
        const changed = text.replace(`${line(name)}\n`, `${name}=${value}\n`).replace(/#*$/, '')
        return Buffer.from(changed.padEnd(size, '#'), 'latin1')
      },
    }
  }
  return undefined
}
