import type { Bytes } from '@bootc-sdk/core'
import { createTarParser, tarXattrs, type TarEntry } from '@bootc-sdk/core/tar'
import { invalid } from '../format/errors.js'
import { modeDirectory, modeFile, modeSymlink } from '../format/mode.js'
import type { ContentWriter, FileHeader, ObjectMeta } from './api.js'
import type { CommitModifier } from './commit-modifier.js'
import { defaultDirMeta, type FileSlot, type TreeBuilder, type TreeNode } from './tree-builder.js'

export interface TarImportOptions {
  /** Make missing parents (0755 root:root) instead of failing. */
  readonly autocreateParents?: boolean
  /** Change names before anything else looks at them. */
  readonly rename?: (path: string) => string
}

const nothing = new Uint8Array(0)

/**
 * Lay an uncompressed tar over a builder by the rules of `ostree commit --tree=tar`: parents come first,
 * a hard link takes the object of an earlier path, a repeated path replaces, devices are refused.
 */
export async function addTar(
  builder: TreeBuilder,
  tar: Bytes,
  writer: ContentWriter,
  modifier: CommitModifier,
  options: TarImportOptions = {},
  signal?: AbortSignal,
): Promise<void> {
  const sink = new TarSink(builder, writer, modifier, options)
  const parser = createTarParser(
    {
      entry: (entry) => sink.entry(entry),
      data: (chunk) => sink.data(chunk),
      end: () => sink.end(),
    },
    { paxGlobal: 'apply' },
  )
  for await (const chunk of tar) {
    signal?.throwIfAborted()
    parser.push(chunk)
    if (writer.full) await writer.drain()
  }
  parser.end()
}

interface OpenFile {
  readonly parent: TreeNode
  readonly name: string
  readonly path: string
  readonly header: FileHeader
  readonly sizeBytes: number
  id: number | undefined
  done: boolean
}

class TarSink {
  readonly #builder: TreeBuilder
  readonly #writer: ContentWriter
  readonly #modifier: CommitModifier
  readonly #options: TarImportOptions
  #file: OpenFile | undefined

  constructor(
    builder: TreeBuilder,
    writer: ContentWriter,
    modifier: CommitModifier,
    options: TarImportOptions,
  ) {
    this.#builder = builder
    this.#writer = writer
    this.#modifier = modifier
    this.#options = options
  }

  entry(entry: TarEntry): void {
    this.#file = undefined
    const parts = this.#parts(entry.name)
    if (parts.some((_, index) => this.#modifier.skips(`/${parts.slice(0, index + 1).join('/')}`))) return
    const path = `/${parts.join('/')}`
    const meta: ObjectMeta = { uid: entry.uid, gid: entry.gid, mode: entry.mode, xattrs: tarXattrs(entry) }
    const change = (type: number) => this.#modifier.apply(path, { ...meta, mode: entry.mode | type })
    if (entry.type === 'directory') {
      if (parts.length === 0) this.#builder.root.meta = change(modeDirectory)
      else this.#builder.setDir(this.#parent(parts), parts[parts.length - 1]!, change(modeDirectory), path)
      return
    }
    const name = parts[parts.length - 1]
    if (name === undefined) throw invalid('tar entry /', `is a ${entry.type}`)
    const parent = this.#parent(parts)
    if (entry.type === 'hardlink') {
      this.#builder.setFile(parent, name, this.#linked(entry), path)
    } else if (entry.type === 'symlink') {
      const header = { ...change(modeSymlink), symlinkTarget: entry.linkName }
      this.#builder.setFile(parent, name, { id: this.#writer.put(header, nothing) }, path)
    } else if (entry.type === 'file') {
      const header = change(modeFile)
      this.#file = { parent, name, path, header, sizeBytes: entry.sizeBytes, id: undefined, done: false }
    } else {
      throw invalid(`tar entry ${path}`, `a ${entry.type} cannot be stored`)
    }
  }

  data(chunk: Uint8Array): void {
    const file = this.#file
    if (file === undefined) return
    if (file.id === undefined && chunk.length === file.sizeBytes) {
      file.id = this.#writer.put(file.header, chunk)
      file.done = true
      return
    }
    file.id ??= this.#writer.begin(file.header, file.sizeBytes)
    this.#writer.data(file.id, chunk)
  }

  end(): void {
    const file = this.#file
    if (file === undefined) return
    this.#file = undefined
    if (file.id === undefined) file.id = this.#writer.put(file.header, nothing)
    else if (!file.done) this.#writer.end(file.id)
    this.#builder.setFile(file.parent, file.name, { id: file.id }, file.path)
  }

  #parts(name: string): string[] {
    const renamed = this.#options.rename?.(name) ?? name
    const parts = renamed.split('/').filter((part) => part !== '' && part !== '.')
    if (parts.includes('..')) throw invalid(`tar entry ${JSON.stringify(name)}`, 'leads out through ".."')
    return parts
  }

  #parent(parts: readonly string[]): TreeNode {
    let node = this.#builder.root
    for (const [index, part] of parts.slice(0, -1).entries()) {
      const path = `/${parts.slice(0, index + 1).join('/')}`
      let next = node.dirs.get(part)
      if (next === undefined) {
        if (this.#options.autocreateParents !== true || node.files.has(part)) {
          throw invalid(`tar entry /${parts.join('/')}`, `${path} is no directory before it`)
        }
        next = this.#builder.setDir(node, part, defaultDirMeta, path)
      }
      node = next
    }
    return node
  }

  #linked(entry: TarEntry): FileSlot {
    const parts = this.#parts(entry.linkName)
    let node: TreeNode | undefined = this.#builder.root
    for (const part of parts.slice(0, -1)) node = node?.dirs.get(part)
    const slot = node?.files.get(parts[parts.length - 1] ?? '')
    if (slot === undefined)
      throw invalid(`tar entry ${entry.name}`, `hard link to ${entry.linkName}, which is no file`)
    return slot
  }
}
