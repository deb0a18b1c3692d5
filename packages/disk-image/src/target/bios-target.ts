import { open, readFile, realpath } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { BiosTarget } from '@bootc-sdk/core'
import { guidBytes } from '../format/guid.js'
import { partitionTypes } from '../plan/partition-types.js'
import { writeAt } from '../write-at.js'
import { readSoundGptEntries } from './find-contents.js'

/** Boot code ends where the partition table of old begins. */
const bootCodeBytes = 440
const headBytes = 1 << 20

/**
 * Where a loader for BIOS goes on the disk that a partition is on; undefined where that has no BIOS boot partition, a
 * damaged table, or is no partition of a disk.
 *
 * @param device `/dev/sda3`
 */
export async function biosTargetBeside(device: string): Promise<BiosTarget | undefined> {
  const sysfs = await realpath(join('/sys/class/block', basename(device))).catch(() => undefined)
  if (sysfs === undefined) return undefined
  const isPartition = (await readFile(join(sysfs, 'partition'), 'utf8').catch(() => undefined)) !== undefined
  // sysfs has `!` where names of devices have `/`.
  return isPartition ? biosTargetOn(join('/dev', basename(dirname(sysfs)).replaceAll('!', '/'))) : undefined
}

/** @param disk device or file with a GPT */
export async function biosTargetOn(disk: string): Promise<BiosTarget | undefined> {
  const handle = await open(disk, 'r')
  const head = Buffer.alloc(headBytes)
  try {
    await handle.read(head, 0, headBytes, 0)
  } finally {
    await handle.close()
  }
  const type = guidBytes(partitionTypes['bios-boot'])
  const found = readSoundGptEntries(head).find((entry) => entry.type.equals(type))
  if (found === undefined) return undefined
  const { startBytes, sizeBytes } = found
  return {
    startBytes,
    sizeBytes,
    async write(bootCode, core) {
      if (bootCode.length > bootCodeBytes || core.length > sizeBytes) {
        throw new RangeError('boot code or core is larger than its place')
      }
      const file = await open(disk, 'r+')
      try {
        // What loads the core is written when that is there.
        await writeAt(file, core, startBytes)
        await file.sync()
        await writeAt(file, bootCode, 0)
        await file.sync()
      } finally {
        await file.close()
      }
    },
  }
}
