import type { BootEntry, Dir } from '@bootc-sdk/core'
import { readSet } from './entries.js'
import type { SetLayout } from './layout.js'

/**
 * Where artifacts have directories of their own: `ostree/NAME-<sha256>`, as libostree makes them, and
 * `bootc_composefs-<id>`, as bootc does.
 */
const artifactDirs = [
  { parent: 'ostree', name: /-[0-9a-f]{64}$/ },
  { parent: '', name: /^bootc_composefs-(?:[0-9a-f]{64}){1,2}$/ },
] as const

/**
 * Remove the inactive set unless a kept entry is in it, and artifact directories that no entry left points
 * at. Anything of another shape on the volume is somebody else's and stays.
 */
export async function pruneVolume(dir: Dir, layout: SetLayout, keep: readonly BootEntry[]): Promise<void> {
  await layout.removeTemporary()
  const remaining = [...keep]
  for (const set of await layout.inactiveDirs()) {
    const entries = await entriesIn(dir, set)
    const kept = entries.some((entry) => keep.some((other) => sameEntry(entry, other)))
    if (kept) remaining.push(...entries)
    else await layout.removeSet(set)
  }
  remaining.push(...(await entriesIn(dir, await layout.activeDir())))
  await removeUnused(dir, remaining)
  await dir.sync()
}

async function entriesIn(dir: Dir, path: string | undefined): Promise<BootEntry[]> {
  return (await readSet(dir, path)).own.map(({ entry }) => entry)
}

async function removeUnused(dir: Dir, entries: readonly BootEntry[]): Promise<void> {
  const files = filesOf(entries)
  const isUsed = (path: string) => files.some((file) => file.startsWith(`${path}/`))
  for (const path of await artifactsOn(dir)) {
    if (isUsed(path)) await removeHalfCopied(dir, path)
    else await dir.remove(path)
  }
}

async function artifactsOn(dir: Dir): Promise<string[]> {
  const found: string[] = []
  for (const { parent, name: pattern } of artifactDirs) {
    if ((await dir.stat(parent))?.type !== 'directory') continue
    for await (const { name, stat } of dir.list(parent)) {
      if (stat.type === 'directory' && pattern.test(name))
        found.push(parent === '' ? name : `${parent}/${name}`)
    }
  }
  return found
}

/** Names under which `Dir.write` works until a file is whole; half a kernel is much on a small volume. */
const temporaryName = /^\.bootc-sdk-[^/]*\.tmp$/

async function removeHalfCopied(dir: Dir, path: string): Promise<void> {
  const found: string[] = []
  for await (const { name } of dir.list(path)) if (temporaryName.test(name)) found.push(name)
  for (const name of found) await dir.remove(`${path}/${name}`)
}

/** Files that entries name, relative to the volume. */
function filesOf(entries: readonly BootEntry[]): string[] {
  const paths = entries.flatMap(({ linux, initrds, devicetree, extra }) => [
    linux,
    ...initrds,
    devicetree,
    ...extra.map(([, value]) => `${value}/`),
  ])
  return paths.flatMap((path) => path?.replace(/^\/+(?:boot\/+)?/, '') ?? [])
}

function sameEntry(a: BootEntry, b: BootEntry): boolean {
  return a.fileName === b.fileName && a.options === b.options && a.linux === b.linux
}
