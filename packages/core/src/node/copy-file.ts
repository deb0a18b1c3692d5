import { closeSync, constants, fchmodSync, fstatSync } from 'node:fs'
import { copyFile as copyFileAsync } from 'node:fs/promises'
import type { WriteOptions } from '../interfaces/index.js'
import { fdPath } from './anchor.js'
import type { NodeRoot } from './place.js'
import { openFile, readFile } from './read-file.js'
import { fillWith, makeFile } from './write-file.js'

/** Content of one file into another, sharing blocks where the file system can; attributes only as given. */
export async function copyFile(
  root: NodeRoot,
  from: string,
  to: string,
  options: WriteOptions = {},
): Promise<void> {
  const source = openFile(root, from)
  try {
    const sourcePath = fdPath(source)
    await makeFile(
      root,
      to,
      async (fd) => {
        if (sourcePath === undefined) return fillWith(readFile(root, from))(fd)
        const { mode } = fstatSync(fd)
        await copyFileAsync(sourcePath, fdPath(fd)!, constants.COPYFILE_FICLONE)
        // It also copies permission bits.
        fchmodSync(fd, mode & 0o7777)
      },
      options,
    )
  } finally {
    closeSync(source)
  }
}
