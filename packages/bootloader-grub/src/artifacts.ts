import { link, stat as hostStat } from 'node:fs/promises'
import { join } from 'node:path'
import { BootcError } from '@bootc-sdk/core'
import type { BootArtifact, BootFile, BootSpec, Dir, Meta, OpOptions } from '@bootc-sdk/core'

type LinuxArtifact = Extract<BootArtifact, { kind: 'linux' }>

/** A file of an artifact, and where it goes on the boot volume. */
export interface Placement {
  readonly file: BootFile
  readonly path: string
}

/** @throws BootcError `BOOT_UNSUPPORTED_ARTIFACT` for unified kernel images */
export function linuxArtifact(spec: BootSpec): LinuxArtifact {
  const { artifact } = spec
  if (artifact.kind === 'linux') return artifact
  throw new BootcError('BOOT_UNSUPPORTED_ARTIFACT', `entries of this loader cannot boot a ${artifact.kind}`, {
    details: { kind: artifact.kind, deployment: spec.id },
  })
}

/** Every file the specs need, each once: deployments with the same kernel share a directory. */
export function placementsOf(specs: readonly BootSpec[]): Placement[] {
  const placements = new Map<string, Placement>()
  for (const spec of specs) {
    const artifact = linuxArtifact(spec)
    const { kernel, initrds, devicetree, extra = [] } = artifact
    for (const file of [kernel, ...initrds, ...(devicetree === undefined ? [] : [devicetree]), ...extra]) {
      const path = `${artifact.dir}/${file.name}`
      if (!placements.has(path)) placements.set(path, { file, path })
    }
  }
  return [...placements.values()]
}

/** Those that are not on the volume; written whole or not at all, so a file of the right size is the right one. */
export async function missingPlacements(dir: Dir, placements: readonly Placement[]): Promise<Placement[]> {
  const missing: Placement[] = []
  for (const placement of placements) {
    const found = await dir.stat(placement.path)
    if (found?.type !== 'file' || found.sizeBytes !== placement.file.sizeBytes) missing.push(placement)
  }
  return missing
}

/** Bytes that putting them there takes: none for those that become hard links. */
export async function bytesToCopy(dir: Dir, missing: readonly Placement[]): Promise<number> {
  let bytes = 0
  for (const { file } of missing) if (!(await canLink(dir, file))) bytes += file.sizeBytes
  return bytes
}

/** Same file system as seen by the host: then a kernel costs no space on the boot volume. */
async function canLink(dir: Dir, file: BootFile): Promise<boolean> {
  const path = dir.hostPath ?? dir.contentPath
  if (path === undefined || file.hostPath === undefined || !dir.supports.hardlink) return false
  try {
    const [target, source] = await Promise.all([hostStat(path), hostStat(file.hostPath)])
    return target.dev === source.dev
  } catch {
    return false
  }
}

/** Put missing files in place, linked where possible, else copied with their owner and mode. */
export async function installFiles(
  dir: Dir,
  missing: readonly Placement[],
  options: OpOptions,
): Promise<void> {
  for (const { file, path } of missing) {
    options.signal?.throwIfAborted()
    await makeParents(dir, path)
    if (!(await tryLink(dir, file, path))) await copyFile(dir, file, path)
    const { sizeBytes } = file
    options.onProgress?.({
      type: 'boot:copy',
      detail: { id: path, bytes: sizeBytes, totalBytes: sizeBytes, cachedBytes: 0 },
    })
  }
}

async function tryLink(dir: Dir, file: BootFile, path: string): Promise<boolean> {
  if (!(await canLink(dir, file))) return false
  // Whatever has the name has the wrong size.
  await dir.remove(path)
  try {
    await link(file.hostPath as string, join((dir.hostPath ?? dir.contentPath) as string, path))
    return true
  } catch {
    // Protected hard links, too many links, another mount of the same device: copying always works.
    return false
  }
}

async function copyFile(dir: Dir, file: BootFile, path: string): Promise<void> {
  const source = await file.tree.stat(file.path)
  if (source?.type !== 'file') {
    throw new BootcError('BOOT_FILE_MISSING', `${file.path} for the boot volume is not a regular file`, {
      details: { path: file.path, type: source?.type },
    })
  }
  const owner: Meta = dir.supports.chown ? { uid: source.uid, gid: source.gid } : {}
  await dir.write(path, file.tree.read(file.path), { mode: source.mode, ...owner })
}

async function makeParents(dir: Dir, path: string): Promise<void> {
  const parts = path.split('/').slice(0, -1)
  for (let depth = 1; depth <= parts.length; depth++) {
    const parent = parts.slice(0, depth).join('/')
    if ((await dir.stat(parent)) === undefined) await dir.mkdir(parent, { mode: 0o755 })
  }
}
