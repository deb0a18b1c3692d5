import type { BootEntry, Dir } from '@bootc-sdk/core'
import { readEntries } from './entries.js'
import { activeVersion, otherVersion, removeTemporaryLink, setDir } from './volume.js'

/** Below it every artifact has a directory `NAME-<sha256>`, as libostree makes them. */
const artifactsDir = 'ostree'
const artifactName = /-[0-9a-f]{64}$/

/**
 * Remove the inactive set unless a kept entry is in it, and artifact directories that no entry left points
 * at. Anything of another shape on the volume is somebody else's and stays.
 */
export async function pruneVolume(dir: Dir, keep: readonly BootEntry[]): Promise<void> {
  const active = await activeVersion(dir)
  await removeTemporaryLink(dir)
  const remaining = [...keep]
  for (const version of active === undefined ? ([0, 1] as const) : [otherVersion(active)]) {
    const entries = await readEntries(dir, version)
    const kept = entries.some((entry) => keep.some((other) => sameEntry(entry, other)))
    if (kept) remaining.push(...entries)
    else await dir.remove(setDir(version))
  }
  if (active !== undefined) remaining.push(...(await readEntries(dir, active)))
  await removeUnused(dir, directoriesOf(remaining))
  await dir.sync()
}

async function removeUnused(dir: Dir, used: ReadonlySet<string>): Promise<void> {
  if ((await dir.stat(artifactsDir))?.type !== 'directory') return
  const unused: string[] = []
  for await (const { name, stat } of dir.list(artifactsDir)) {
    const path = `${artifactsDir}/${name}`
    if (stat.type === 'directory' && artifactName.test(name) && !used.has(path)) unused.push(path)
  }
  for (const path of unused) await dir.remove(path)
  for (const path of used) if (artifactName.test(path)) await removeHalfCopied(dir, path)
}

/** Names under which `Dir.write` works until a file is whole; half a kernel is much on a small volume. */
const temporaryName = /^\.bootc-sdk-[^/]*\.tmp$/

async function removeHalfCopied(dir: Dir, path: string): Promise<void> {
  if ((await dir.stat(path))?.type !== 'directory') return
  const found: string[] = []
  for await (const { name } of dir.list(path)) if (temporaryName.test(name)) found.push(name)
  for (const name of found) await dir.remove(`${path}/${name}`)
}

/** Directories of the files that entries name, relative to the volume. */
function directoriesOf(entries: readonly BootEntry[]): ReadonlySet<string> {
  const paths = entries.flatMap(({ linux, initrds, devicetree, extra }) => [
    linux,
    ...initrds,
    devicetree,
    ...extra.map(([, value]) => value),
  ])
  return new Set(
    paths.flatMap((path) => {
      const relative = path?.replace(/^\/+(?:boot\/+)?/, '')
      return relative?.includes('/') === true ? [relative.split('/').slice(0, 2).join('/')] : []
    }),
  )
}

function sameEntry(a: BootEntry, b: BootEntry): boolean {
  return a.fileName === b.fileName && a.options === b.options && a.linux === b.linux
}
