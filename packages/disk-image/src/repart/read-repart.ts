import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { BootcError } from '@bootc-sdk/core'
import { invalidDisk } from '../errors.js'
import type { RepartFile } from './parse-fragment.js'

/** Definitions are a few lines; anything much larger is none. */
const maxBytes = 64 << 10

/**
 * Definitions in a directory: files that end with `.conf`, but for those that are empty or links to /dev/null.
 *
 * @throws BootcError `HOST_NO_FILE`, `SYSROOT_DISK_INVALID` where there is none
 */
export async function readRepartDir(path: string): Promise<RepartFile[]> {
  try {
    const files: RepartFile[] = []
    for (const name of (await readdir(path)).filter((each) => /^[^.].*\.conf$/.test(each)).sort()) {
      const found = await stat(join(path, name))
      if (!found.isFile()) continue
      if (found.size > maxBytes) throw invalidDisk(name, `is larger than ${maxBytes} bytes`)
      const text = await readFile(join(path, name), 'utf8')
      if (text.trim() !== '') files.push({ name, text })
    }
    if (files.length === 0) throw invalidDisk(path, 'has no definitions of partitions (*.conf)')
    return files
  } catch (cause) {
    if (cause instanceof BootcError) throw cause
    throw new BootcError('HOST_NO_FILE', `Reading ${path} failed`, { details: { path }, cause })
  }
}
