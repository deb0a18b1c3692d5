import type { Warning } from '@bootc-sdk/core'
import { readRepartDir, repartDisk, type ImageDisk, type RepartOptions } from '@bootc-sdk/disk-image'

/** The disk that the definitions in a directory (`--repart`) describe; nothing without one. */
export async function repartLayout(
  dir: string | undefined,
  { diskBytes, ...rest }: Omit<RepartOptions, 'diskBytes'> & { readonly diskBytes?: number | undefined },
): Promise<{ readonly disk: ImageDisk; readonly warnings: readonly Warning[] }> {
  if (dir === undefined) return { disk: {}, warnings: [] }
  const options: RepartOptions = { ...rest, ...(diskBytes === undefined ? {} : { diskBytes }) }
  return repartDisk(await readRepartDir(dir), options)
}
