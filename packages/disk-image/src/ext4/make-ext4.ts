import { open } from 'node:fs/promises'
import type { Host } from '@bootc-sdk/core'
import type { Contents, Ext4Options, FormatContext, Region } from '../tools/formatters.js'
import { runTool } from '../tools/run-tool.js'
import { blockBytes } from './directory-room.js'
import { fillExt4 } from './fill-ext4.js'

/**
 * Features, so that no configuration file of this machine decides: those of mke2fs 1.47 without `metadata_csum_seed` and
 * `orphan_file`, which GRUB 2.06 and older kernels do not read.
 */
const features =
  'none,has_journal,ext_attr,resize_inode,dir_index,filetype,extent,64bit,flex_bg,sparse_super,large_file,huge_file,dir_nlink,extra_isize,metadata_csum'

/** Have mke2fs make an ext4, with journal and tables, and fill it. */
export async function makeExt4(
  host: Pick<Host, 'run'>,
  region: Region,
  options: Ext4Options,
  contents: Contents,
  context: FormatContext,
): Promise<void> {
  const { epoch, signal } = context
  const env = {
    // An empty file: what is not said below is what is built in.
    MKE2FS_CONFIG: '/dev/null',
    MKE2FS_SKIP_CHECK_MSG: '1',
    E2FSPROGS_FAKE_TIME: `${epoch}`,
    SOURCE_DATE_EPOCH: `${epoch}`,
  }
  await runTool(host, 'mke2fs', mke2fsArgs(region, options), { env, signal })
  await using file = await open(region.imagePath, 'r+')
  await fillExt4(file, region, contents, context)
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
