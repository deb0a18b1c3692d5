import type { Dir, Sysroot, Xattr } from '@bootc-sdk/core'
import { joinPath, parentPath } from '@bootc-sdk/core/names'
import { badContent } from '../errors.js'
import type { PlannedPartition } from '../plan/plan-disk.js'
import { carvedDir, type PackSource } from '../scan-tree.js'

/** Where the content of a partition lies until it is packed, by mount point. */
export type Carved = ReadonlyMap<string, string>

export interface CarveOptions {
  /** /var of the system, below the physical root. */
  readonly varPath: string
  /** Labels of directories that are made. */
  readonly xattrsOf: (path: string, type: 'directory') => readonly Xattr[]
}

/**
 * Take what belongs on partitions of its own out of the root, and leave a directory to mount it on with the same owner, mode
 * and attributes.
 *
 * @throws BootcError `SYSROOT_DISK_CONTENT` where something else than a directory is in the way
 */
export async function carveData(
  { root }: Pick<Sysroot, 'root'>,
  parts: readonly PlannedPartition[],
  options: CarveOptions,
): Promise<Carved> {
  const carved = new Map<string, string>()
  if (parts.length === 0) return carved
  await root.mkdir(carvedDir, { mode: 0o700 })
  // First what is inside of others, so that it is not taken along.
  const points = parts.map(({ mountPoint }) => mountPoint!).sort((a, b) => b.length - a.length)
  for (const [index, point] of points.entries()) {
    const place = joinPath(options.varPath, point.replace(/^\/var\/?/, ''))
    await makeDirectories(root, place, point, options)
    const { mode, uid, gid } = (await root.stat(place))!
    const xattrs = await root.xattrs(place)
    const to = `${carvedDir}/${index}`
    await root.rename(place, to)
    await root.mkdir(place, { mode, uid, gid, xattrs })
    carved.set(point, to)
  }
  // A /var that is empty would be filled again by the next deployment, below the one that is mounted.
  if (carved.has('/var')) {
    await root.write(joinPath(options.varPath, '.bootc-sdk-elsewhere'), new Uint8Array(0), { mode: 0o644 })
  }
  return carved
}

async function makeDirectories(
  root: Dir,
  place: string,
  shown: string,
  options: CarveOptions,
): Promise<void> {
  const found = await root.stat(place)
  if (found?.type === 'directory') return
  if (found !== undefined) throw badContent(shown, `is a ${found.type}, which nothing can be mounted on`)
  await makeDirectories(root, parentPath(place), parentPath(shown), options)
  await root.mkdir(place, {
    mode: 0o755,
    uid: 0,
    gid: 0,
    xattrs: options.xattrsOf(shown.slice(1), 'directory'),
  })
}

/** What was taken out, as sources of their own. @param source the root that it was in */
export function carvedSources(source: PackSource, carved: Carved): Record<string, PackSource> {
  return Object.fromEntries([...carved].map(([point, path]) => [point, sourceBelow(source, path)]))
}

function sourceBelow({ tree, contentPath, isImmutable, deviceOf }: PackSource, top: string): PackSource {
  const at = (path: string) => joinPath(top, path)
  return {
    tree: {
      stat: (path) => tree.stat(at(path)),
      list: (path) => tree.list(at(path)),
      readlink: (path) => tree.readlink(at(path)),
      xattrs: (path) => tree.xattrs(at(path)),
    },
    contentPath: `${contentPath}/${top}`,
    ...(isImmutable === undefined ? {} : { isImmutable: (path, type) => isImmutable(at(path), type) }),
    ...(deviceOf === undefined ? {} : { deviceOf: (path) => deviceOf(at(path)) }),
  }
}
