import { baseName, encodeName, parentPath } from '@bootc-sdk/core/names'
import { badContent, unsupportedDisk } from '../errors.js'
import type { PackNode } from '../scan-tree.js'
import { DirectoryRoom } from './directory-room.js'

export interface ScriptOptions {
  readonly contentPath: string
  /** Later times become this one. Seconds, at least 1. */
  readonly epoch: number
  /** Path of a file with this value of an attribute. */
  readonly valueFile: (value: Uint8Array) => string
}

export interface Script {
  readonly text: Buffer
  /** Inode numbers that debugfs reports for files, in order. They tell whether it did as foreseen. */
  readonly fileInodes: readonly number[]
}

const rootInode = 2
/** The one before is lost+found. */
const firstInode = 12

const typeBits = { directory: 0o040000, file: 0o100000, symlink: 0o120000, fifo: 0o010000 } as const

const extentsFlag = 0x80000
const immutableFlag = 0x10

/**
 * What debugfs has to do to fill an empty ext4 with these entries. Numbers of inodes are foreseen: libext2fs takes the
 * next free one as long as nothing is removed.
 *
 * debugfs and not `mke2fs -d`: before 1.47.1 that one takes directories in the order of the disk they are on, and
 * owners and attributes of the files as they are, which without root are the wrong ones.
 *
 * @param nodes in the order of `scanTree`
 * @throws BootcError `SYSROOT_DISK_CONTENT`, `SYSROOT_DISK_UNSUPPORTED`
 */
export function ext4Script(nodes: Iterable<PackNode>, options: ScriptOptions): Script {
  return new ScriptWriter(options).write(nodes)
}

class ScriptWriter {
  readonly #options: ScriptOptions
  readonly #chunks: Buffer[] = []
  readonly #fileInodes: number[] = []
  readonly #inodes = new Map<string, number>([['', rootInode]])
  #lines: string[] = []
  #next = firstInode
  #directory: string | undefined
  #room = new DirectoryRoom()

  constructor(options: ScriptOptions) {
    this.#options = options
  }

  write(nodes: Iterable<PackNode>): Script {
    for (const node of nodes) {
      if (node.path !== '') this.#make(node)
      if (node.linkOf === undefined) this.#describe(node)
      if (this.#lines.length > 5000) this.#flush()
    }
    this.#flush()
    return { text: Buffer.concat(this.#chunks), fileInodes: this.#fileInodes }
  }

  #make(node: PackNode): void {
    const { path, type, linkOf, target } = node
    this.#enter(parentPath(path))
    const name = baseName(path)
    if (encodeName(name).length > 255) throw badContent(path, 'has a name of more than 255 bytes')
    const grows = this.#room.add(name)
    if (linkOf !== undefined) {
      if (grows) this.#lines.push('expand_dir .')
      this.#lines.push(`ln <${this.#inodeOf(linkOf)}> ${quote(path, plainName(name))}`)
      return
    }
    const inode = this.#next++
    this.#inodes.set(path, inode)
    if (type === 'file') {
      this.#fileInodes.push(inode)
      // The name is taken as it is, slashes included.
      this.#lines.push(`write ${quote(path, `${this.#options.contentPath}/${path}`)} ${quote(path, name)}`)
    } else if (type === 'directory') this.#lines.push(`mkdir ${quote(path, plainName(name))}`)
    else if (type === 'symlink') {
      this.#lines.push(`symlink ${quote(path, plainName(name))} ${quote(path, target ?? '')}`)
    } else if (type === 'fifo') this.#lines.push(`mknod ${quote(path, plainName(name))} p`)
    else throw unsupportedDisk(`${JSON.stringify(path)} (${type})`, 'devices cannot be packed')
  }

  #describe(node: PackNode): void {
    const { path, type, mode, uid, gid, xattrs, immutable, names } = node
    const inode = `<${this.#inodeOf(path)}>`
    const set = (field: string, value: string) => this.#lines.push(`sif ${inode} ${field} ${value}`)
    const bits = typeBits[type as keyof typeof typeBits]
    if (type !== 'symlink') set('mode', `0${(bits | mode).toString(8)}`)
    if (uid !== 0) set('uid', `${uid}`)
    if (gid !== 0) set('gid', `${gid}`)
    if (names > 1) set('links_count', `${names}`)
    const seconds = Math.max(0, Math.floor(node.mtime))
    if (seconds < this.#options.epoch) set('mtime', `@${seconds}`)
    for (const { name, value } of xattrs) {
      this.#lines.push(
        `ea_set -f ${quote(path, this.#options.valueFile(value))} ${inode} ${quote(path, name)}`,
      )
    }
    // Last: nothing may change afterwards. Files and directories of this file system have extents.
    if (immutable && (type === 'file' || type === 'directory')) {
      set('flags', `0x${(extentsFlag | immutableFlag).toString(16)}`)
    }
  }

  #enter(directory: string): void {
    if (this.#directory === directory) return
    this.#directory = directory
    this.#room = new DirectoryRoom(directory === '' ? ['lost+found'] : [])
    this.#lines.push(`cd <${this.#inodeOf(directory)}>`)
  }

  #inodeOf(path: string): number {
    return this.#inodes.get(path)!
  }

  #flush(): void {
    if (this.#lines.length > 0) this.#chunks.push(encodeName(`${this.#lines.join('\n')}\n`))
    this.#lines = []
  }
}

/** So that no name is an option or, in angle brackets, a number of an inode. */
function plainName(name: string): string {
  return /^[-<]/.test(name) ? `./${name}` : name
}

/**
 * As libss reads words: in double quotes, those inside doubled. There is no way to write a line break.
 *
 * @throws BootcError `SYSROOT_DISK_CONTENT`
 */
function quote(path: string, word: string): string {
  if (/[\n\r\0]/.test(word)) throw badContent(path, 'has a line break in a name, a target or an attribute')
  return `"${word.replaceAll('"', '""')}"`
}
