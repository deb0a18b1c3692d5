import fc from 'fast-check'
import {
  Inode,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
  type ByteString,
  type FileTree,
  type Int64,
  type Xattrs,
} from '../../src/tree/inode.js'

/** What a dump of the flavor may hold, in bytes. */
const sizes = { c: { content: 5000, target: 4095 }, rs: { content: 512, target: 1024 } } as const

const bytes = (minLength: number, maxLength: number): fc.Arbitrary<ByteString> =>
  fc.uint8Array({ minLength, maxLength }).map((array) => Buffer.from(array).toString('latin1'))
const withoutNul = (text: ByteString): ByteString => text.replaceAll('\0', '0')

const name = fc
  .oneof(
    { weight: 6, arbitrary: fc.stringMatching(/^[a-z0-9._-]{1,12}$/) },
    { weight: 2, arbitrary: fc.stringMatching(/^[0-9a-f]{2}$/) },
    { weight: 2, arbitrary: bytes(1, 8).map((text) => withoutNul(text).replaceAll('/', 'x')) },
    { weight: 1, arbitrary: fc.integer({ min: 200, max: 255 }).map((length) => 'n'.repeat(length)) },
  )
  .filter((text) => text !== '.' && text !== '..')

/** Lengths around the ends of blocks and half blocks, where layouts change. */
const length = (max: number): fc.Arbitrary<number> =>
  fc.oneof(
    fc.integer({ min: 1, max: 100 }),
    fc.integer({ min: 1, max }),
    fc.integer({ min: Math.min(1900, max), max: Math.min(2200, max) }),
    fc.integer({ min: Math.min(3900, max), max: Math.min(4200, max) }),
  )

const xattrs: fc.Arbitrary<Xattrs | undefined> = fc
  .uniqueArray(
    fc.tuple(
      fc.oneof(
        fc.constantFrom(
          'security.selinux',
          'user.a',
          'user.b',
          'trusted.overlay.opaque',
          'user.overlay.opaque',
        ),
        fc.constantFrom(
          'trusted.overlay.whiteout',
          'lustre.x',
          'system.posix_acl_access',
          'trusted.overlay.metacopy',
        ),
        bytes(1, 20).map(withoutNul),
      ),
      fc.oneof(
        fc.constantFrom('', '-', 'x', 'y', 'label', 'a=b '),
        bytes(0, 40),
        length(3000).map((n) => 'v'.repeat(n)),
      ),
    ),
    { maxLength: 5, selector: ([key]) => key },
  )
  .map((entries) => (entries.length === 0 ? undefined : new Map(entries)))

const seconds: fc.Arbitrary<Int64> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom<Int64>(0, 1, 1700000000, 4294967296, 9223372036854775807n) },
  { weight: 1, arbitrary: fc.constantFrom<Int64>(-1, -5000000000) },
)
const id = fc.constantFrom(0, 0, 0, 1000, 65535, 65536, 4294967295)

const node = (flavor: 'c' | 'rs') => {
  const limits = sizes[flavor]
  const digest = fc.constantFrom('0', '1', '2', '3', '4', '5', '6', '7').map((seed) => digestOf(seed))
  const kind = fc.oneof(
    fc.record({ type: fc.constant(S_IFDIR) }),
    fc.record({ type: fc.constant(S_IFDIR) }),
    fc.record({ type: fc.constant(S_IFREG), content: length(limits.content) }),
    fc.record({ type: fc.constant(S_IFREG) }),
    fc.record({
      type: fc.constant(S_IFREG),
      digest: fc.option(digest, { nil: '' }),
      size: fc.oneof(
        fc.constantFrom<Int64>(1, 4096, 4097, 4294967295, 4294967296, 8796093022209, 9007199254740992n),
        fc.integer({ min: 1, max: 100000 }),
      ),
    }),
    fc.record({ type: fc.constant(S_IFLNK), target: length(limits.target) }),
    fc.record({ type: fc.constantFrom(S_IFCHR, S_IFBLK), rdev: fc.constantFrom(0, 259, 4294967295) }),
    fc.record({ type: fc.constantFrom(S_IFIFO, S_IFSOCK) }),
  )
  return fc.record({
    name,
    parent: fc.nat(),
    link: fc.option(fc.nat(), { freq: 8 }),
    permissions: fc.constantFrom(0o644, 0o755, 0o4755, 0o7777, 0),
    uid: id,
    gid: id,
    sec: seconds,
    nsec: fc.constantFrom(0, 0, 0, 5, 999999999),
    nlink: fc.constantFrom(1, 1, 1, 2, 65536),
    xattrs,
    kind: kind as fc.Arbitrary<Kind>,
  })
}

interface Kind {
  readonly type: number
  readonly content?: number
  readonly digest?: string
  readonly size?: Int64
  readonly target?: number
  readonly rdev?: number
}

/**
 * Trees with everything that images can hold, hard links and whiteouts among it.
 *
 * For `rs` the count of links and the owners are left to the writer, whose rules do not ask for them.
 */
export function fileTrees(flavor: 'c' | 'rs'): fc.Arbitrary<FileTree> {
  return fc.tuple(node(flavor), fc.array(node(flavor), { maxLength: 40 })).map(([first, nodes]) => {
    const root = make({ ...first, kind: { type: S_IFDIR } }, flavor)
    const directories = [root]
    const leaves: { inode: Inode; parent: Inode; name: ByteString }[] = []
    const owners = new Map<Inode, { parent: Inode; name: ByteString }>()
    for (const spec of nodes) {
      const parent = directories[spec.parent % directories.length] as Inode
      if (parent.children?.has(spec.name)) continue
      if (spec.link !== null && leaves.length > 0) {
        const target = leaves[spec.link % leaves.length] as (typeof leaves)[0]
        if (flavor === 'rs' && (target.inode.mode & S_IFMT) === S_IFCHR) continue
        parent.children?.set(spec.name, target.inode)
        owners.set(target.inode, { parent: target.parent, name: target.name })
        continue
      }
      const inode = make(spec, flavor)
      parent.children?.set(spec.name, inode)
      if (inode.children !== undefined) directories.push(inode)
      else leaves.push({ inode, parent, name: spec.name })
    }
    return flavor === 'c' && owners.size > 0 ? { root, owners } : { root }
  })
}

type Spec = ReturnType<typeof node> extends fc.Arbitrary<infer T> ? T : never

function make({ kind, ...spec }: Spec, flavor: 'c' | 'rs'): Inode {
  const inode = new Inode(kind.type | spec.permissions)
  inode.uid = spec.uid
  inode.gid = spec.gid
  inode.mtimeSec = flavor === 'rs' && spec.sec < 0 ? 0 : spec.sec
  inode.mtimeNsec = spec.nsec
  inode.nlink = flavor === 'rs' ? 1 : spec.nlink
  inode.xattrs = spec.xattrs
  if (kind.type === S_IFDIR) inode.children = new Map()
  if (kind.rdev !== undefined) inode.rdev = kind.rdev
  if (kind.target !== undefined) inode.target = 't'.repeat(kind.target)
  if (kind.content !== undefined) {
    inode.content = Buffer.alloc(kind.content, 'content\0\n')
    inode.size = kind.content
  }
  if (kind.size !== undefined) inode.size = kind.size
  if (kind.digest) {
    inode.digest = kind.digest
    inode.payload = `${kind.digest.slice(0, 2)}/${kind.digest.slice(2)}`
  }
  return inode
}

function digestOf(seed: string): string {
  return `${seed}a`.repeat(32)
}

/**
 * A dump of the tree that owes nothing to our printer: each byte escaped, hard links as the owners say, and
 * all of them before the files, where only mkcomposefs takes them, or behind.
 */
export function plainDump(tree: FileTree, linksFirst = true): string {
  const directories: string[] = []
  const links: string[] = []
  const files: string[] = []
  const owned = new Map<Inode, string>()
  const entries: { inode: Inode; path: string; parent: Inode; name: ByteString }[] = []
  const walk = (inode: Inode, path: string): void => {
    directories.push(lineOf(inode, path === '' ? '/' : path))
    for (const [entryName, child] of inode.children ?? []) {
      const childPath = `${path}/${escape(entryName)}`
      if (child.children !== undefined) walk(child, childPath)
      else entries.push({ inode: child, path: childPath, parent: inode, name: entryName })
    }
  }
  walk(tree.root, '')
  for (const { inode, path, parent, name: entryName } of entries) {
    const owner = tree.owners?.get(inode)
    const owns = owner ? owner.parent === parent && owner.name === entryName : !owned.has(inode)
    if (owns) owned.set(inode, path)
  }
  for (const { inode, path } of entries) {
    const target = owned.get(inode) as string
    if (target === path) files.push(lineOf(inode, path))
    else links.push(`${path} 0 @100644 - - - - - ${target} - -`)
  }
  const rest = linksFirst ? [...links, ...files] : [...files, ...links]
  return [...directories, ...rest, ''].join('\n')
}

function lineOf(inode: Inode, path: string): string {
  const { content, target, payload, digest, uid, gid, rdev, nlink } = inode
  const seen = BigInt.asUintN(64, BigInt(inode.mtimeSec))
  const text = content === undefined ? '' : Buffer.from(content).toString('latin1')
  const fields = [
    path,
    inode.size,
    inode.mode.toString(8),
    nlink,
    uid,
    gid,
    rdev,
    `${seen}.${inode.mtimeNsec}`,
  ]
  fields.push(escape(target || payload) || '-', escape(text) || '-', digest || '-')
  for (const [key, value] of inode.xattrs ?? []) fields.push(`${escape(key)}=${escape(value)}`)
  return fields.join(' ')
}

function escape(text: ByteString): string {
  return Buffer.from(text, 'latin1').toString('hex').replace(/../g, '\\x$&')
}
