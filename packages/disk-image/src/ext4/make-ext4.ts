import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Host } from '@bootc-sdk/core'
import type { Contents, Ext4Options, FormatContext, Region } from '../tools/formatters.js'
import { runTool, toolFailed } from '../tools/run-tool.js'
import { blockBytes } from './directory-room.js'
import { ext4Script } from './script.js'

/**
 * Features, so that no configuration file of this machine decides: those of mke2fs 1.47 without `metadata_csum_seed` and
 * `orphan_file`, which GRUB 2.06 and older kernels do not read.
 */
const features =
  'none,has_journal,ext_attr,resize_inode,dir_index,filetype,extent,64bit,flex_bg,sparse_super,large_file,huge_file,dir_nlink,extra_isize,metadata_csum'

/** Make an ext4 and fill it. */
export async function makeExt4(
  host: Pick<Host, 'run'>,
  region: Region,
  options: Ext4Options,
  contents: Contents,
  context: FormatContext,
): Promise<void> {
  const { scratchPath, epoch, signal } = context
  const values = new Map<string, Uint8Array>()
  const valueFile = (value: Uint8Array): string => {
    const path = join(scratchPath, `value-${createHash('sha256').update(value).digest('hex')}`)
    values.set(path, value)
    return path
  }
  const script = ext4Script(contents.nodes, { contentPath: contents.contentPath, epoch, valueFile })
  const scriptPath = join(scratchPath, 'ext4.commands')
  await writeFile(scriptPath, script.text)
  for (const [path, value] of values) await writeFile(path, value)

  const env = {
    // An empty file: what is not said below is what is built in.
    MKE2FS_CONFIG: '/dev/null',
    MKE2FS_SKIP_CHECK_MSG: '1',
    E2FSPROGS_FAKE_TIME: `${epoch}`,
    SOURCE_DATE_EPOCH: `${epoch}`,
  }
  await runTool(host, 'mke2fs', mke2fsArgs(region, options), { env, signal })
  const image =
    region.offsetBytes === 0 ? region.imagePath : `${region.imagePath}?offset=${region.offsetBytes}`
  // It goes on after errors and ends with 0: only what it says tells.
  const { stdout, stderr } = await runTool(host, 'debugfs', ['-w', '-f', scriptPath, image], { env, signal })
  const complaints = stderr.split('\n').filter((line) => line !== '' && !/^debugfs \d/.test(line))
  if (complaints.length > 0) throw toolFailed('debugfs', 0, complaints.slice(0, 20).join('\n'))
  const made = [...stdout.matchAll(/^Allocated inode: (\d+)$/gm)].map((match) => Number(match[1]))
  const asForeseen =
    made.length === script.fileInodes.length && made.every((n, i) => n === script.fileInodes[i])
  if (!asForeseen) throw toolFailed('debugfs', 0, 'inodes were not given out in order')
}

function mke2fsArgs(region: Region, options: Ext4Options): string[] {
  const extended = [
    `offset=${region.offsetBytes}`,
    `hash_seed=${options.uuid}`,
    'root_owner=0:0',
    // The kernel clears tables of inodes by and by; blocks of an old journal must not look like those of this one.
    'lazy_itable_init=1',
    `lazy_journal_init=${region.used === true ? 0 : 1}`,
    'nodiscard',
  ]
  return [
    ...['-q', '-F', '-t', 'ext4', '-b', `${blockBytes}`, '-I', '256', '-m', '1'],
    ...['-O', options.verity ? `${features},verity` : features],
    ...['-N', `${options.inodes}`, '-U', options.uuid, '-L', options.label, '-E', extended.join(',')],
    region.imagePath,
    `${region.sizeBytes / 1024}k`,
  ]
}
