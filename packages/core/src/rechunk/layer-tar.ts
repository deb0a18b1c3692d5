import { baseName, joinPath, parentPath } from '../names/index.js'
import { tarEndMarker, tarHeader, tarPadding, type TarMember } from '../tar/index.js'
import type { LayerPlan } from './layer-plan.js'
import type { FileNode, NodeMeta } from './nodes.js'
import type { Spool } from './spool.js'

/**
 * The archive of a layer, always the same bytes for the same plan. Chunks are of memory that is written again when the
 * next one is asked for: gigabytes pass here.
 */
export async function* layerTar(plan: LayerPlan, spool: Spool): AsyncGenerator<Uint8Array> {
  using reader = spool.reader()
  const { chunk } = reader
  const chunkBytes = chunk.length
  let used = 0
  for (const { header, node } of members(plan)) {
    if (used + header.length > chunkBytes) {
      yield chunk.subarray(0, used)
      used = 0
    }
    // A PAX header may be of any size.
    if (header.length > chunkBytes) yield header
    else used += header.copy(chunk, used)
    if (node === undefined) continue
    for (let at = 0; at < node.sizeBytes;) {
      if (used === chunkBytes) {
        yield chunk
        used = 0
      }
      const bytes = await reader.copy(node.offset + at, node.sizeBytes - at, chunk, used)
      at += bytes
      used += bytes
    }
    // Chunks are whole blocks, so that padding fits.
    const padding = tarPadding(node.sizeBytes)
    chunk.set(padding, used)
    used += padding.length
  }
  if (used + tarEndMarker.length > chunkBytes) {
    yield chunk.subarray(0, used)
    used = 0
  }
  chunk.set(tarEndMarker, used)
  yield chunk.subarray(0, used + tarEndMarker.length)
}

/** @returns with the file whose content follows the header */
function* members(plan: LayerPlan): Generator<{ readonly header: Buffer; readonly node?: FileNode }> {
  for (const { path, meta } of plan.directories) {
    yield {
      header: tarHeader({ ...common(meta), name: path === '' ? './' : `${path}/`, type: 'directory' }, 0),
    }
  }
  for (const path of plan.whiteouts) {
    const name = joinPath(parentPath(path), `.wh.${baseName(path)}`)
    yield { header: tarHeader({ name, mode: 0o644 }, 0) }
  }
  const written = new Map<FileNode, string>()
  for (const { path, node } of plan.files) {
    const target = written.get(node)
    if (target !== undefined) {
      yield { header: tarHeader({ ...plain(node.meta), name: path, type: 'hardlink', linkName: target }, 0) }
      continue
    }
    if (node.names.length > 1) written.set(node, path)
    yield { header: tarHeader(member(path, node), node.sizeBytes), node }
  }
}

function member(path: string, node: FileNode): Omit<TarMember, 'data'> {
  const { kind, linkName, devMajor, devMinor } = node
  return { ...common(node.meta), name: path, type: kind, linkName, devMajor, devMinor }
}

function common(meta: NodeMeta): Pick<TarMember, 'mode' | 'uid' | 'gid' | 'mtime' | 'pax'> {
  return meta.records.length === 0 ? plain(meta) : { ...plain(meta), pax: Object.fromEntries(meta.records) }
}

/** Of a hard link nothing counts but its name and target. */
function plain({ mode, uid, gid, mtime }: NodeMeta): Pick<TarMember, 'mode' | 'uid' | 'gid' | 'mtime'> {
  return { mode, uid, gid, mtime }
}
