import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Host } from '@bootc-sdk/core'
import type { Contents, FormatContext, MountedOptions, Region } from '../tools/formatters.js'
import { runTool } from '../tools/run-tool.js'
import { fillMounted } from './fill-mounted.js'

/**
 * Make an xfs or btrfs and fill it through a mount, as root: their tools take no directory with recorded owners. The kernel
 * gives times and numbers, so the bytes differ each time.
 */
export async function makeMounted(
  host: Pick<Host, 'run'>,
  region: Region,
  { type, uuid, label }: MountedOptions,
  contents: Contents,
  context: FormatContext,
): Promise<void> {
  const { signal, scratchPath } = context
  const where = ['--offset', `${region.offsetBytes}`, '--sizelimit', `${region.sizeBytes}`]
  // Never given up half done, here and below: what it has taken would not be let go.
  const { stdout } = await runTool(host, 'losetup', ['--find', '--show', ...where, region.imagePath])
  const device = stdout.trim()
  try {
    signal?.throwIfAborted()
    const named =
      type === 'xfs'
        ? (['mkfs.xfs', ['-q', '-f', '-L', label, '-m', `uuid=${uuid}`, device]] as const)
        : (['mkfs.btrfs', ['-q', '-f', '-L', label, '-U', uuid, device]] as const)
    await runTool(host, named[0], named[1], { signal })
    const mountPoint = join(scratchPath, 'mounted')
    await mkdir(mountPoint, { recursive: true })
    await runTool(host, 'mount', ['-t', type, device, mountPoint])
    try {
      await fillMounted(mountPoint, contents, context)
    } finally {
      // Also what was aborted has to be let go.
      await runTool(host, 'umount', [mountPoint])
    }
  } finally {
    await runTool(host, 'losetup', ['--detach', device])
  }
}
