import { BootcError } from '../errors.js'
import type { BootArtifact, BootFile, Dir, OpOptions, ReadTree } from '../interfaces/index.js'
import { inVolume, isDirectory, makeDirs } from './fat-dir.js'

/** A file of an artifact, and where it goes on the volume. */
export interface Placement {
  readonly file: BootFile
  readonly path: string
}

/** A unified kernel image and its addons: directories of these are given in full. */
export function ukiPlacements(artifact: Extract<BootArtifact, { kind: 'uki' }>): Placement[] {
  const image = `${artifact.dir}/${artifact.image.name}`
  const addons = artifact.addons.map((file) => ({ file, path: `${image}.extra.d/${file.name}` }))
  return [{ file: artifact.image, path: image }, ...addons]
}

/**
 * Those that are not on the volume. A file that an active entry names was synced before that; of any other, a
 * power cut may have left the size without the content, so it is compared.
 *
 * @param trusted paths that active entries name, as they write them
 */
export async function missingOnFat(
  dir: Dir,
  placements: readonly Placement[],
  trusted: readonly string[],
): Promise<Placement[]> {
  const known = new Set(trusted.map(inVolume))
  const missing: Placement[] = []
  for (const { file, path } of placements) {
    const found = (await isDirectory(dir, path.slice(0, path.lastIndexOf('/')))) && (await dir.stat(path))
    const isThere = found && found.type === 'file' && found.sizeBytes === file.sizeBytes
    if (isThere && (known.has(path) || (await sameContent(dir, path, file)))) continue
    missing.push({ file, path })
  }
  return missing
}

export async function copyToFat(dir: Dir, missing: readonly Placement[], options: OpOptions): Promise<void> {
  for (const { file, path } of missing) {
    options.signal?.throwIfAborted()
    const source = await file.tree.stat(file.path)
    if (source?.type !== 'file') {
      throw new BootcError('BOOT_FILE_MISSING', `${file.path} for the boot volume is not a regular file`, {
        details: { path: file.path, type: source?.type },
      })
    }
    await makeDirs(dir, path.slice(0, path.lastIndexOf('/')))
    await dir.write(path, file.tree.read(file.path))
    const { sizeBytes } = file
    options.onProgress?.({
      type: 'boot:copy',
      detail: { id: path, bytes: sizeBytes, totalBytes: sizeBytes, cachedBytes: 0 },
    })
  }
}

async function sameContent(dir: Dir, path: string, file: BootFile): Promise<boolean> {
  const other = chunksOf(file.tree, file.path)
  let rest: Uint8Array = new Uint8Array()
  for await (const chunk of dir.read(path)) {
    let at = 0
    while (at < chunk.length) {
      if (rest.length === 0) {
        const next = await other.next()
        if (next.done === true) return false
        rest = next.value
        continue
      }
      const length = Math.min(rest.length, chunk.length - at)
      if (Buffer.compare(rest.subarray(0, length), chunk.subarray(at, at + length)) !== 0) {
        await other.return(undefined)
        return false
      }
      rest = rest.subarray(length)
      at += length
    }
  }
  return rest.length === 0 && (await other.next()).done === true
}

async function* chunksOf(tree: ReadTree, path: string): AsyncGenerator<Uint8Array, undefined> {
  yield* tree.read(path)
}
