import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { BootcError, type ReadTree } from '@bootc-sdk/core'
import { nodeDir } from '@bootc-sdk/core/node'

/**
 * The files of this package, at their paths in an image. Found by the package's name, because the command is bundled
 * into files that lie elsewhere.
 *
 * @throws BootcError `HOST_PIECES_MISSING` where the command was installed without them, as in an image that has them
 */
export function shippedFiles(): ReadTree {
  try {
    const manifest = createRequire(import.meta.url).resolve('@bootc-sdk/systemd/package.json')
    return nodeDir(join(dirname(manifest), 'files'))
  } catch (cause) {
    throw new BootcError('HOST_PIECES_MISSING', 'the package @bootc-sdk/systemd is not installed', { cause })
  }
}
