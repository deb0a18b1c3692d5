import { createHash } from 'node:crypto'
import { BootcError } from '../../errors.js'
import type { Bytes } from '../../interfaces/index.js'
import { baseName, joinPath, normalizePath, parentPath } from '../../names/index.js'
import { createTarParser, tarXattrs, type TarEntry } from '../../tar/index.js'

/** An entry of a layer or of a flattened image, as recorded in JSON. */
export interface TreeEntry {
  readonly type: 'file' | 'directory' | 'symlink'
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly mtime: number
  /** Name to base64. */
  readonly xattrs: Readonly<Record<string, string>>
  /** Files: SHA-256 of the content, and its length in bytes. */
  readonly object?: string
  readonly sizeBytes?: number
  /** Symbolic links. */
  readonly target?: string
}

/** What a layer does to the tree below it, in order. */
export type LayerStep =
  | { readonly kind: 'entry'; readonly path: string; readonly entry: TreeEntry }
  | { readonly kind: 'hardlink'; readonly path: string; readonly from: string }
  | { readonly kind: 'whiteout'; readonly path: string }
  | { readonly kind: 'opaque'; readonly path: string }

/** Read a whole layer. Content goes to `put`, which may be called before a later byte turns out wrong. */
export async function readLayer(
  tar: Bytes,
  put: (object: string, content: Uint8Array) => void,
): Promise<LayerStep[]> {
  const steps: LayerStep[] = []
  let current: TarEntry | undefined
  let chunks: Buffer[] = []
  const parser = createTarParser({
    entry(entry) {
      current = entry
      chunks = []
    },
    data(chunk) {
      chunks.push(Buffer.from(chunk))
    },
    end() {
      const step = current && toStep(current, Buffer.concat(chunks), put)
      if (step !== undefined) steps.push(step)
    },
  })
  for await (const chunk of tar) parser.push(chunk)
  parser.end()
  return steps
}

function toStep(
  tar: TarEntry,
  content: Buffer,
  put: (object: string, content: Uint8Array) => void,
): LayerStep | undefined {
  const path = memberPath(tar.name)
  const name = baseName(path)
  if (tar.type === 'paxGlobal' || path === '') return undefined
  if (name === '.wh..wh..opq') return { kind: 'opaque', path: parentPath(path) }
  if (name.startsWith('.wh.')) {
    return { kind: 'whiteout', path: joinPath(parentPath(path), name.slice('.wh.'.length)) }
  }
  const { mode, uid, gid, mtime } = tar
  const xattrs = Object.fromEntries(
    tarXattrs(tar).map(({ name, value }) => [name, Buffer.from(value).toString('base64')]),
  )
  const meta = { mode, uid, gid, mtime, xattrs }
  switch (tar.type) {
    case 'directory':
      return { kind: 'entry', path, entry: { type: 'directory', ...meta } }
    case 'symlink':
      return { kind: 'entry', path, entry: { type: 'symlink', target: tar.linkName, ...meta } }
    case 'hardlink':
      return { kind: 'hardlink', path, from: memberPath(tar.linkName) }
    case 'file': {
      const object = createHash('sha256').update(content).digest('hex')
      put(object, content)
      return { kind: 'entry', path, entry: { type: 'file', object, sizeBytes: content.length, ...meta } }
    }
    case 'char':
    case 'block':
    case 'fifo':
    case 'other':
      throw new BootcError('IMAGE_TAR_UNSUPPORTED', `member ${tar.name} is of a type that is not stored`)
  }
}

/** Names in layers are relative to the root whether or not they start with `/` or `./`. */
function memberPath(name: string): string {
  try {
    return normalizePath(name.replace(/^\/+/, ''))
  } catch (error) {
    throw new BootcError('IMAGE_TAR_PATH', `member ${JSON.stringify(name)} leads out of the layer`, {
      details: { name },
      cause: error,
    })
  }
}
