import { BootcError } from '../errors.js'
import type { Dir } from '../interfaces/index.js'
import { readAll } from './fat-dir.js'

/** Boot entries are a few hundred bytes; anything much larger is not one. */
const maxEntryBytes = 256 * 1024

/** @throws BootcError `BOOT_ENTRY_INVALID` for a file that is too large */
export async function readEntryText(dir: Dir, path: string, sizeBytes: number): Promise<string> {
  if (sizeBytes > maxEntryBytes) {
    throw new BootcError('BOOT_ENTRY_INVALID', `boot entry ${path} has ${sizeBytes} bytes`, {
      details: { path, sizeBytes },
    })
  }
  return (await readAll(dir, path)).toString('utf8')
}
