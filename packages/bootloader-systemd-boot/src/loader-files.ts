import { randomBytes } from 'node:crypto'
import type { Dir, Warning } from '@bootc-sdk/core'
import { entriesDir } from './entries.js'
import { attributes, makeDirs } from '@bootc-sdk/core/boot-kit'
import type { BootVolumes } from './volume.js'

/** Says that entries are of Type #1. @see systemd 257 src/bootctl/bootctl-install.c */
export const entriesMark = 'loader/entries.srel'
const configPath = 'loader/loader.conf'
const seedPath = 'loader/random-seed'
const seedBytes = 32

/** What has to be there before the first entry; files that are there stay as they are. */
export async function layOut({ entries, esps: [esp] }: BootVolumes): Promise<void> {
  await layOutOn(entries.dir)
  if (esp !== undefined) await layOutEsp(esp.dir)
}

/** An EFI system partition: the loader looks for its configuration where it was started from. */
export async function layOutEsp(dir: Dir): Promise<void> {
  await layOutOn(dir)
  await writeNew(dir, configPath, Buffer.from('timeout 5\n'))
  await dir.sync()
}

async function layOutOn(dir: Dir): Promise<void> {
  await makeDirs(dir, entriesDir)
  await writeNew(dir, entriesMark, Buffer.from('type1\n'))
  await dir.sync()
}

/**
 * Random bytes for the loader to hand to the kernel, where there are none. The token of the machine that makes
 * them count as entropy is `bootctl random-seed`'s to write.
 */
export async function seedRandom(dir: Dir): Promise<Warning[]> {
  const isNew = await writeNew(dir, seedPath, randomBytes(seedBytes), 0o600)
  const mode = (await dir.stat(seedPath))?.mode ?? 0
  // Memory has no mount options to go by.
  if (!isNew || dir.hostPath === undefined || (mode & 0o077) === 0) return []
  const message = `${dir.hostPath}/${seedPath} can be read by everybody: mount the ESP with fmask=0177,dmask=0077`
  return [{ code: 'boot:random-seed-readable', message, details: { path: seedPath, mode } }]
}

async function writeNew(dir: Dir, path: string, data: Uint8Array, mode = 0o644): Promise<boolean> {
  const found = await dir.stat(path)
  // An empty one is what a power cut left.
  if (found?.type === 'file' && found.sizeBytes > 0) return false
  await dir.write(path, data, attributes(dir, mode))
  return true
}
