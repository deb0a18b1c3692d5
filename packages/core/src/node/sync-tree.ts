import { execFile } from 'node:child_process'
import { closeSync, constants, fsync, openSync } from 'node:fs'
import { promisify } from 'node:util'
import { Anchor } from './anchor.js'
import type { NodeRoot } from './place.js'
import { fromErrno } from './tree-error.js'

const run = promisify(execFile)
const fsyncAsync = promisify(fsync)
const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK } = constants

/** Everything written below the root survives a power cut from now on. */
export async function syncTree(root: NodeRoot): Promise<void> {
  try {
    if (root.native !== undefined) return await syncFileSystem(root)
    try {
      // coreutils and busybox: syncfs(2) of the file system that holds the path.
      await run('sync', ['-f', root.hostPath])
    } catch {
      using anchor = Anchor.trusted(root.hostPath).reopen()
      await syncEach(anchor)
    }
  } catch (error) {
    throw fromErrno(error, '')
  }
}

async function syncFileSystem({ native, hostPath }: NodeRoot): Promise<void> {
  const fd = openSync(hostPath, O_RDONLY | O_DIRECTORY)
  try {
    await native!.sys.syncfs(fd)
  } finally {
    closeSync(fd)
  }
}

/** Last resort: fsync of every file and directory; slow, but the promise is kept. */
async function syncEach(directory: Anchor): Promise<void> {
  for (const name of directory.names()) {
    const stat = directory.lstat(name)
    if (stat?.isDirectory()) {
      using child = directory.openDirectory(name)
      await syncEach(child)
    } else if (stat?.isFile()) {
      await syncPath(directory.at(name))
    }
  }
  await syncPath(directory.at('.'))
}

async function syncPath(path: string | Buffer): Promise<void> {
  const fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
  try {
    await fsyncAsync(fd)
  } finally {
    closeSync(fd)
  }
}
