import { tarEndMarker, tarHeader, tarPadding, type TarMember } from '../tar/index.js'
import type { LayerPlan } from './layer-plan.js'
import { parentOf } from './layer-plan.js'
import type { FileNode, NodeMeta } from './nodes.js'
import type { SpoolReader } from './spool.js'

const chunkBytes = 512 * 1024

/** The archive of a layer, always the same bytes for the same plan, in chunks of at least 512 KiB but the last. */
export async function* layerTar(plan: LayerPlan, reader: SpoolReader): AsyncGenerator<Uint8Array> {
  let pieces: Uint8Array[] = []
  let bytes = 0
  for await (const piece of members(plan, reader)) {
    pieces.push(piece)
    bytes += piece.length
    if (bytes < chunkBytes) continue
    yield pieces.length === 1 ? piece : Buffer.concat(pieces, bytes)
    pieces = []
    bytes = 0
  }
  yield Buffer.concat(pieces, bytes)
}

async function* members(plan: LayerPlan, reader: SpoolReader): AsyncGenerator<Uint8Array> {
  for (const { path, meta } of plan.directories) {
    yield tarHeader({ ...common(meta), name: path === '' ? './' : `${path}/`, type: 'directory' }, 0)
  }
  for (const path of plan.whiteouts) {
    const parent = parentOf(path)
    const name = path.slice(parent === '' ? 0 : parent.length + 1)
    yield tarHeader({ name: `${parent === '' ? '' : `${parent}/`}.wh.${name}`, mode: 0o644 }, 0)
  }
  const written = new Map<FileNode, string>()
  for (const { path, node } of plan.files) {
    const target = written.get(node)
    if (target !== undefined) {
      yield tarHeader({ ...plain(node.meta), name: path, type: 'hardlink', linkName: target }, 0)
      continue
    }
    if (node.names.length > 1) written.set(node, path)
    yield tarHeader(member(path, node), node.sizeBytes)
    if (node.sizeBytes === 0) continue
    yield* reader.read(node.offset, node.sizeBytes)
    yield tarPadding(node.sizeBytes)
  }
  yield tarEndMarker
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
