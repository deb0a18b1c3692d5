import { createHash } from 'node:crypto'
import { encodeName } from '../names/index.js'
import type { FileNode, TreeList } from './nodes.js'
import type { PackageOwners } from './packages/find-owners.js'

/** Files that belong together: they change together, or lie together. */
export interface Group {
  /**
   * `pkg:NAME`, `file:/PATH` (one large file), `dir:/PATH` (all below that nothing else has), `files:/PATH` (those
   * directly in it), `files:/PATH#2/8` (one part in eight of them, by their names). ASCII, without commas.
   */
  readonly id: string
  /** Groups of one source are likely to change together. */
  readonly source: string
  readonly files: readonly FileNode[]
  /** About what they take in a tar. */
  readonly bytes: number
}

/** A directory up to this size is one group, a file from this size on a group of its own. */
const groupBytes = 8 * 1024 * 1024

/** More would make the manifest unwieldy. */
const maxPathGroups = 2000

/**
 * Group the files of an image: by package where a database says so, the rest by directory and size.
 *
 * @param previous ids of groups of an earlier image, whose directories stay divided as they were
 * @returns in no particular order; every file is in exactly one
 */
export function makeGroups(
  tree: TreeList,
  owners: PackageOwners | undefined,
  previous: ReadonlySet<string>,
): Group[] {
  const packages = new Map<string, FileNode[]>()
  const others: FileNode[] = []
  for (const { path, node } of tree.files) {
    // All names of a file go where the first one belongs.
    if (node.names[0] !== path) continue
    const owner = node.names.map((name) => owners?.owners.get(name)).find((found) => found !== undefined)
    if (owner === undefined) others.push(node)
    else mapPush(packages, owner, node)
  }
  const groups = [...packages].map(([name, files]) =>
    group(`pkg:${quote(name)}`, `pkg:${owners!.sources.get(name) ?? name}`, files),
  )
  for (let limit = groupBytes; ; limit *= 2) {
    const byPath = new PathGroups(limit, previous).divide(others)
    if (byPath.length <= maxPathGroups || limit > 2 ** 50) return groups.concat(byPath)
  }
}

/** Header, attributes and content in blocks. */
export function tarBytesOf(node: FileNode): number {
  const headers = node.names.length + (node.meta.records.length > 0 ? 2 : 0)
  return headers * 512 + Math.ceil(node.sizeBytes / 512) * 512
}

interface Directory {
  bytes: number
  readonly own: FileNode[]
  readonly dirs: Map<string, Directory>
}

class PathGroups {
  readonly #limit: number
  readonly #previous: ReadonlySet<string>
  /** Directories that were divided. */
  readonly #divided = new Set<string>()
  /** Parts by directory. */
  readonly #parts = new Map<string, number>()
  readonly #groups: Group[] = []

  constructor(limit: number, previous: ReadonlySet<string>) {
    this.#limit = limit
    this.#previous = previous
    for (const id of previous) {
      const [, kind, path, parts] = /^(dir|files):([^#]*)(?:#\d+\/(\d+))?$/.exec(id) ?? []
      if (path === undefined) continue
      if (kind === 'files') this.#divided.add(path)
      if (parts !== undefined) this.#parts.set(path, Number(parts))
      for (let at = path; at !== '/' && at !== '';) {
        at = at.slice(0, at.lastIndexOf('/')) || '/'
        this.#divided.add(at)
      }
    }
  }

  divide(files: readonly FileNode[]): Group[] {
    const root: Directory = { bytes: 0, own: [], dirs: new Map() }
    for (const file of files) {
      const path = file.names[0]!
      const bytes = tarBytesOf(file)
      if (bytes >= this.#limit) this.#add(`file:/${quote(path)}`, [file])
      else place(root, path, file, bytes)
    }
    if (root.bytes > 0) this.#visit(root, '/')
    return this.#groups
  }

  #visit(directory: Directory, path: string): void {
    const id = `dir:${path}`
    const limit = this.#previous.has(id) ? 2 * this.#limit : this.#limit
    if (directory.bytes <= limit && !this.#divided.has(path)) {
      this.#add(id, [...filesBelow(directory)])
      return
    }
    for (const [name, child] of directory.dirs) {
      this.#visit(child, path === '/' ? `/${quote(name)}` : `${path}/${quote(name)}`)
    }
    if (directory.own.length > 0) this.#divideFiles(directory.own, path)
  }

  /** Parts are a power of two, so that growth divides each and moves nothing between them. */
  #divideFiles(files: readonly FileNode[], path: string): void {
    const bytes = files.reduce((sum, file) => sum + tarBytesOf(file), 0)
    let parts = 1
    while (bytes / parts > this.#limit && parts < 1024) parts *= 2
    const before = this.#parts.get(path) ?? 1
    // Twice or half as much is no reason to move files.
    if (before === parts * 2 || before * 2 === parts) parts = before
    if (parts === 1) return this.#add(`files:${path}`, files)
    const buckets = Array.from({ length: parts }, (): FileNode[] => [])
    for (const file of files) buckets[nameHash(file.names[0]!) % parts]!.push(file)
    buckets.forEach((bucket, i) => {
      if (bucket.length > 0) this.#add(`files:${path}#${i}/${parts}`, bucket)
    })
  }

  #add(id: string, files: readonly FileNode[]): void {
    this.#groups.push(group(id, id.startsWith('file:') ? id : areaOf(id), files))
  }
}

/** Directories whose own ones are each a world of its own. */
const wide: ReadonlySet<string> = new Set([
  ...['usr/lib', 'usr/lib64', 'usr/libexec', 'usr/share', 'usr/local', 'var/lib'],
])

/** What is updated together where no database says so: `/usr/lib/modules`, `/usr/include`, `/opt/product`. */
function areaOf(id: string): string {
  const parts = id
    .slice(id.indexOf('/') + 1)
    .replace(/#.*$/, '')
    .split('/')
  const depth = wide.has(parts.slice(0, 2).join('/')) ? 3 : 2
  return `dir:/${parts.slice(0, depth).join('/')}`
}

function group(id: string, source: string, files: readonly FileNode[]): Group {
  return { id, source, files, bytes: files.reduce((sum, file) => sum + tarBytesOf(file), 0) }
}

function place(root: Directory, path: string, file: FileNode, bytes: number): void {
  let at = root
  at.bytes += bytes
  const parts = path.split('/')
  for (const part of parts.slice(0, -1)) {
    let next = at.dirs.get(part)
    if (next === undefined) at.dirs.set(part, (next = { bytes: 0, own: [], dirs: new Map() }))
    next.bytes += bytes
    at = next
  }
  at.own.push(file)
}

function* filesBelow(directory: Directory): Generator<FileNode> {
  yield* directory.own
  for (const child of directory.dirs.values()) yield* filesBelow(child)
}

function nameHash(name: string): number {
  return createHash('sha256').update(encodeName(name)).digest().readUInt32BE(0)
}

/** Bytes that are not plain are written %XX: ids stand in annotations, between commas. */
export function quote(name: string): string {
  if (/^[A-Za-z0-9._/+@~:=-]*$/.test(name)) return name
  return [...encodeName(name)]
    .map((byte) => {
      const char = String.fromCharCode(byte)
      return /[A-Za-z0-9._/+@~:=-]/.test(char) ? char : `%${byte.toString(16).padStart(2, '0').toUpperCase()}`
    })
    .join('')
}

export function mapPush<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [value])
  else list.push(value)
}
