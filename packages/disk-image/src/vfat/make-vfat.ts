import { baseName, parentPath } from '@bootc-sdk/core/names'
import type { Host } from '@bootc-sdk/core'
import { sectorBytes } from '../format/gpt.js'
import type { PackNode } from '../scan-tree.js'
import type { Contents, FormatContext, Region, VfatOptions } from '../tools/formatters.js'
import { runTool } from '../tools/run-tool.js'
import { checkVfatNames } from './check-names.js'

/** FAT32 has at least 65,525 clusters; with fewer the same bytes mean FAT16. */
const leastClusters = 66_600

const filesPerRun = 200

/** Make a FAT32 and fill it. Owners, modes and links are not kept: it has none. */
export async function makeVfat(
  host: Pick<Host, 'run'>,
  region: Region,
  options: VfatOptions,
  contents: Contents,
  context: FormatContext,
): Promise<void> {
  checkVfatNames(contents.nodes)
  const { signal } = context
  const env = { SOURCE_DATE_EPOCH: `${fatEpoch(context.epoch)}`, MTOOLSRC: '/dev/null' }
  const id = options.volumeId.replace('-', '')
  const size = ['-F', '32', '-S', `${sectorBytes}`, '-s', `${clusterSectors(region.sizeBytes)}`]
  const place = ['--offset', `${region.offsetBytes / sectorBytes}`, region.imagePath]
  const args = [
    '--invariant',
    '-I',
    '-i',
    id,
    '-n',
    options.label,
    ...size,
    ...place,
    `${region.sizeBytes / 1024}`,
  ]
  await runTool(host, 'mkfs.vfat', args, { env, signal })

  const image = ['-i', `${region.imagePath}@@${region.offsetBytes}`]
  for (const [directory, nodes] of byDirectory(contents.nodes)) {
    const below = directory === '' ? '::/' : `::/${directory}/`
    const directories = nodes.filter(({ type }) => type === 'directory')
    const files = nodes.filter(({ type }) => type === 'file')
    for (const group of groups(directories)) {
      const targets = group.map(({ path }) => `::/${path}`)
      await runTool(host, 'mmd', [...image, '-D', 'o', ...targets], { env, signal })
    }
    for (const group of groups(files)) {
      const sources = group.map(({ path }) => `${contents.contentPath}/${path}`)
      await runTool(host, 'mcopy', [...image, '-Q', '-D', 'o', ...sources, below], { env, signal })
    }
  }
}

/** The names in each directory, with the directories in an order in which each one is there when it is filled. */
function byDirectory(nodes: readonly PackNode[]): Map<string, PackNode[]> {
  const found = new Map<string, PackNode[]>()
  for (const node of nodes) {
    if (node.path === '') continue
    const parent = parentPath(node.path)
    const there = found.get(parent)
    if (there === undefined) found.set(parent, [node])
    else there.push(node)
  }
  return found
}

function* groups<T>(items: readonly T[]): Iterable<T[]> {
  for (let i = 0; i < items.length; i += filesPerRun) yield items.slice(i, i + filesPerRun)
}

/** As large as goes, at most 4 KiB: fewer clusters make smaller tables. */
function clusterSectors(sizeBytes: number): number {
  const sectors = sizeBytes / sectorBytes
  return [8, 4, 2].find((candidate) => sectors / candidate >= leastClusters) ?? 1
}

/** FAT counts from 1980 on. */
function fatEpoch(epoch: number): number {
  return Math.max(epoch, Date.UTC(1980, 0, 1) / 1000)
}

/** What the content takes, in clusters of 4 KiB with a cluster or more for each directory. */
export function vfatContentBytes(nodes: readonly PackNode[]): number {
  const cluster = 4096
  return nodes.reduce((sum, { type, sizeBytes, path }) => {
    // Long names take entries of 32 bytes for 13 characters.
    const entryBytes = 64 + Math.ceil(baseName(path).length / 13) * 32
    const bytes = type === 'file' ? Math.ceil(sizeBytes / cluster) * cluster : cluster
    return sum + bytes + entryBytes
  }, 0)
}
