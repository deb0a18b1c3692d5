import { BootcError, isBootcError, type Bytes, type Dir, type Meta, type Xattr } from '@bootc-sdk/core'
import { joinPath, parentPath, baseName } from '@bootc-sdk/core/names'
import { tarXattrs, type TarEntry } from '@bootc-sdk/core/tar'
import type { LayerStep } from './layer-members.js'

/** SELinux context of a path below the storage; with the type bits of its mode. */
export type LabelPath = (path: string, mode: number) => string | undefined

const typeBits = { directory: 0o040000, file: 0o100000, symlink: 0o120000, node: 0o020000 } as const
const maxLinks = 40

/**
 * A layer as overlayfs wants it, made member by member below a directory. Links on the way to a member lead inside
 * the layer, as in the chroot in which podman unpacks; whiteouts become character devices 0:0.
 *
 * @see Documentation/filesystems/overlayfs.rst; containers/storage 1.57 drivers/overlay
 */
export class LayerTree {
  /** Real directories by the path that leads to them. */
  readonly #directories = new Map<string, string>([['', '']])
  /** Times of directories change while they are filled. */
  readonly #times = new Map<string, number>()

  /**
   * @param dir empty
   * @param label of paths below `dir`
   */
  constructor(
    readonly dir: Dir,
    readonly label: LabelPath = () => undefined,
  ) {}

  /** Any step without data of its own; `content` for files. */
  async apply(step: LayerStep, content?: Bytes | Uint8Array): Promise<void> {
    if (step.kind === 'entry') await this.#make(step.path, step.entry, content)
    else if (step.kind === 'hardlink') await this.#link(step.path, step.from)
    else if (step.kind === 'whiteout') await this.#hide(step.path)
    else if (step.kind === 'opaque') await this.#setOpaque(await this.#directory(step.path))
  }

  /** After the last member. */
  async finish(): Promise<void> {
    for (const [path, mtime] of [...this.#times].reverse()) await this.dir.setMeta(path, { mtime })
  }

  async #make(path: string, entry: TarEntry, content: Bytes | Uint8Array = new Uint8Array()): Promise<void> {
    const { type, mode, uid, gid, mtime } = entry
    if (type === 'directory') return this.#makeDirectory(path, entry)
    const place = await this.#place(path)
    await this.#clear(place, 'other')
    const meta = { uid, gid, mtime }
    if (type === 'symlink') {
      const xattrs = this.#xattrs(place, typeBits.symlink, entry)
      await this.dir.symlink(entry.linkName, place, { ...meta, ...some(xattrs) })
    } else if (type === 'file') {
      const xattrs = this.#xattrs(place, typeBits.file, entry)
      await this.dir.write(place, content, { ...meta, mode, ...some(xattrs), atomic: false })
    } else if (type === 'char' || type === 'block' || type === 'fifo') {
      const node = { type, major: entry.devMajor, minor: entry.devMinor }
      const xattrs = this.#xattrs(place, typeBits.node, entry)
      await this.#mknod(place, node, { ...meta, mode, ...some(xattrs) })
    }
  }

  async #makeDirectory(path: string, entry: TarEntry): Promise<void> {
    const { mode, uid, gid, mtime } = entry
    const place = path === '' ? '' : await this.#place(path)
    const opaque = (await this.#ownXattrs(place)).filter(({ name }) => name === opaqueName)
    const xattrs = [...this.#xattrs(place, typeBits.directory, entry), ...opaque]
    const meta = { mode, uid, gid, ...some(xattrs) }
    if (place !== '' && !(await this.#clear(place, 'directory'))) await this.dir.mkdir(place, meta)
    else await this.dir.setMeta(place, meta)
    this.#times.set(place, mtime)
  }

  async #link(path: string, from: string): Promise<void> {
    const source = await this.#place(from)
    const place = await this.#place(path)
    const stat = await this.dir.stat(source)
    if (stat === undefined || stat.type === 'directory' || source === place) {
      throw new BootcError(
        'IMAGE_TAR_PATH',
        `hard link ${JSON.stringify(path)} leads to no file of its layer`,
        {
          details: { name: path, target: from },
        },
      )
    }
    await this.#clear(place, 'other')
    await this.dir.link(source, place)
  }

  async #hide(path: string): Promise<void> {
    const place = await this.#place(path)
    const stat = await this.dir.stat(place)
    // Whiteouts are about the layers below: what this layer has itself stays.
    if (stat?.type === 'directory') return this.#setOpaque(place)
    if (stat !== undefined) return
    await this.#mknod(place, whiteout, {
      mode: 0,
      uid: 0,
      gid: 0,
      ...some(this.#labels(place, typeBits.node)),
    })
  }

  async #setOpaque(place: string): Promise<void> {
    const others = (await this.#ownXattrs(place)).filter(({ name }) => name !== opaqueName)
    await this.dir.setMeta(place, { xattrs: [...others, { name: opaqueName, value: Buffer.from('y') }] })
  }

  async #mknod(
    place: string,
    node: { type: 'char' | 'block' | 'fifo'; major: number; minor: number },
    meta: Meta,
  ) {
    const { dir } = this
    try {
      if (dir.mknod !== undefined) return await dir.mknod(place, node, meta)
    } catch (cause) {
      if (!isBootcError(cause, 'TREE_PERMISSION') && !isBootcError(cause, 'TREE_UNSUPPORTED')) throw cause
      throw noNodes(place, cause)
    }
    throw noNodes(place)
  }

  /** What was there gives way, but for a directory that is to be one. @returns whether that stayed */
  async #clear(place: string, wanted: 'directory' | 'other'): Promise<boolean> {
    const stat = await this.dir.stat(place)
    if (stat === undefined) return false
    if (wanted === 'directory' && stat.type === 'directory') return true
    await this.dir.remove(place)
    for (const [path, real] of this.#directories) {
      if (real === place || real.startsWith(`${place}/`)) this.#directories.delete(path)
    }
    this.#times.delete(place)
    return false
  }

  async #place(path: string): Promise<string> {
    return joinPath(await this.#directory(parentPath(path)), baseName(path))
  }

  /** The real directory that a path leads to; made where it is missing. */
  async #directory(path: string, links = 0): Promise<string> {
    const known = this.#directories.get(path)
    if (known !== undefined) return known
    const place = joinPath(await this.#directory(parentPath(path), links), baseName(path))
    const stat = await this.dir.stat(place)
    let real = place
    if (stat === undefined) {
      const xattrs = this.#labels(place, typeBits.directory)
      await this.dir.mkdir(place, { mode: 0o755, uid: 0, gid: 0, ...some(xattrs) })
    } else if (stat.type === 'symlink') {
      if (links >= maxLinks) throw badParent(path, 'links in circles')
      real = await this.#directory(inside(parentPath(place), await this.dir.readlink(place)), links + 1)
    } else if (stat.type !== 'directory') throw badParent(path, `a ${stat.type}`)
    this.#directories.set(path, real)
    return real
  }

  /** Attributes of a member, without labels of the machine that made it, and with ours. */
  #xattrs(place: string, type: number, entry: TarEntry): Xattr[] {
    const own = tarXattrs(entry).filter(({ name }) => name !== 'security.selinux')
    const bad = own.find(({ name }) => /^(?:trusted|user)\.overlay\./.test(name))
    if (bad !== undefined) {
      const message = `member ${JSON.stringify(entry.name)} has the attribute ${bad.name}, which is overlayfs's own`
      throw new BootcError('IMAGE_TAR_UNSUPPORTED', message, {
        details: { name: entry.name, xattr: bad.name },
      })
    }
    return [...own, ...this.#labels(place, type | entry.mode)]
  }

  #labels(place: string, mode: number): Xattr[] {
    const label = this.label(place, mode)
    return label === undefined ? [] : [{ name: 'security.selinux', value: Buffer.from(`${label}\0`) }]
  }

  async #ownXattrs(place: string): Promise<readonly Xattr[]> {
    return (await this.dir.stat(place)) === undefined ? [] : this.dir.xattrs(place)
  }
}

const whiteout = { type: 'char', major: 0, minor: 0 } as const
const opaqueName = 'trusted.overlay.opaque'

/** Where a link leads, with `..` stopping at the layer's root. */
function inside(parent: string, target: string): string {
  const parts: string[] = target.startsWith('/') ? [] : parent.split('/').filter((part) => part !== '')
  for (const part of target.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return parts.join('/')
}

function some(xattrs: readonly Xattr[]): { xattrs?: readonly Xattr[] } {
  return xattrs.length === 0 ? {} : { xattrs }
}

function badParent(path: string, what: string): BootcError {
  return new BootcError(
    'IMAGE_TAR_CONFLICT',
    `${JSON.stringify(path)} is to be a directory, and is ${what}`,
    {
      details: { path },
    },
  )
}

function noNodes(path: string, cause?: unknown): BootcError {
  return new BootcError(
    'STORE_CONTAINERS_UNSUPPORTED',
    `${JSON.stringify(path)} of a layer is a device or a whiteout, which cannot be made here`,
    { details: { what: 'mknod', path }, cause },
  )
}
