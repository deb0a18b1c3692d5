import { readFileSync } from 'node:fs'

/** A line of /proc/self/mountinfo. */
export interface Mount {
  /** `8:3`; not that of the files for btrfs, which gives each subvolume one of its own. */
  readonly device: string
  /** Directory of the file system that is mounted: `/`, for btrfs `/@root`. */
  readonly root: string
  readonly point: string
  readonly fsType: string
  /** `/dev/vda3`. */
  readonly source: string
  readonly options: readonly string[]
}

/**
 * What is mounted where; later lines lie on top of earlier ones.
 *
 * @param text proc(5), /proc/PID/mountinfo
 */
export function parseMounts(text: string): Mount[] {
  return text.split('\n').flatMap((line) => {
    const [left = '', right = ''] = line.split(' - ')
    const [, , device, root, point, own] = left.split(' ')
    const [fsType, source, shared] = right.split(' ')
    if (device === undefined || root === undefined || point === undefined || fsType === undefined) return []
    return {
      device,
      root: unescape(root),
      point: unescape(point),
      fsType,
      source: unescape(source ?? ''),
      options: [own, shared].flatMap((text) => text?.split(',') ?? []),
    }
  })
}

/** Of this process; empty where there is no /proc. */
export function readMounts(): Mount[] {
  try {
    return parseMounts(readFileSync('/proc/self/mountinfo', 'utf8'))
  } catch {
    return []
  }
}

/** The mount that a path lies in. @param path absolute, without links */
export function mountOf(path: string, mounts: readonly Mount[] = readMounts()): Mount | undefined {
  const above = (point: string) => point === '/' || path === point || path.startsWith(`${point}/`)
  return mounts
    .filter(({ point }) => above(point))
    .reduce<Mount | undefined>(
      (best, mount) => (best === undefined || mount.point.length >= best.point.length ? mount : best),
      undefined,
    )
}

/** The topmost mount at exactly this path. */
export function mountAt(path: string, mounts: readonly Mount[] = readMounts()): Mount | undefined {
  return mounts.findLast(({ point }) => point === path)
}

function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)))
}
