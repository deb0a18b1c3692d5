import { badDump } from '../errors.js'
import { Inode, S_IFDIR, S_IFMT, type ByteString, type FileTree } from '../../tree/inode.js'
import type { LineReader } from './line-reader.js'

type Owners = Map<Inode, { parent: Inode; name: ByteString }>

/** What stands at a path: the entry, and where. */
interface Found {
  readonly inode: Inode
  readonly parent: Inode
  readonly name: ByteString
}

interface Pending {
  readonly line: number
  readonly target: ByteString
  resolved: Inode | undefined
  busy: boolean
}

/**
 * Lines that give a file another name. A link may lead to a link; the name that is none owns the inode.
 */
export class HardLinks {
  private readonly owners: Owners = new Map()
  /** Stand-ins in the tree for links whose target had no line yet. */
  private readonly pending = new Map<Inode, Pending>()

  constructor(private readonly forward: boolean) {}

  /** Inode to put under the link's name: the target's, or a stand-in until `resolve`. */
  link(target: ByteString, root: Inode, reader: LineReader): Inode {
    if (!isCanonical(target)) reader.fail('the target of a hard link is not a plain absolute path')
    const found = lookup(root, target)
    if (found !== undefined && !this.pending.has(found.inode)) return this.claim(found, reader.line)
    if (!this.forward) reader.fail('the target of a hard link is not there yet')
    const standIn = new Inode(0)
    this.pending.set(standIn, { line: reader.line, target, resolved: undefined, busy: false })
    return standIn
  }

  /** Puts the real inodes in the place of all stand-ins. */
  resolve(root: Inode): NonNullable<FileTree['owners']> {
    if (this.pending.size === 0) return this.owners
    for (const pending of this.pending.values()) this.follow(pending, root)
    const directories = [root]
    for (let directory = directories.pop(); directory !== undefined; directory = directories.pop()) {
      for (const [name, child] of directory.children ?? []) {
        if (child.children !== undefined) directories.push(child)
        const pending = child.mode === 0 ? this.pending.get(child) : undefined
        if (pending?.resolved !== undefined) directory.children?.set(name, pending.resolved)
      }
    }
    return this.owners
  }

  private follow(first: Pending, root: Inode): void {
    const chain: Pending[] = []
    let inode: Inode | undefined
    for (let link = first; ;) {
      if (link.busy) throw badDump(link.line, 'hard links lead in a circle')
      if (link.resolved !== undefined) {
        inode = link.resolved
        break
      }
      link.busy = true
      chain.push(link)
      const found = lookup(root, link.target)
      if (found === undefined) throw badDump(link.line, 'the target of a hard link is not there')
      const next = this.pending.get(found.inode)
      if (next === undefined) {
        inode = this.claim(found, link.line)
        break
      }
      link = next
    }
    for (const link of chain) {
      link.resolved = inode
      link.busy = false
    }
  }

  private claim(found: Found, line: number): Inode {
    if ((found.inode.mode & S_IFMT) === S_IFDIR) throw badDump(line, 'a hard link to a directory')
    if (!this.owners.has(found.inode)) {
      this.owners.set(found.inode, { parent: found.parent, name: found.name })
    }
    return found.inode
  }
}

function isCanonical(path: ByteString): boolean {
  if (!path.startsWith('/') || path.includes('\0')) return false
  const parts = path.slice(1).split('/')
  return path === '/' || parts.every((part) => part !== '' && part !== '.' && part !== '..')
}

function lookup(root: Inode, path: ByteString): Found | undefined {
  let parent = root
  let from = 1
  for (let slash = path.indexOf('/', from); slash >= 0; slash = path.indexOf('/', from)) {
    const next = parent.children?.get(path.slice(from, slash))
    if (next === undefined) return undefined
    parent = next
    from = slash + 1
  }
  const name = path.slice(from)
  const inode = path === '/' ? root : parent.children?.get(name)
  return inode === undefined ? undefined : { inode, parent, name }
}
