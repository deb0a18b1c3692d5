import type { TarMember } from '../tar/index.js'

// Members of fixture layers, in one line each. Order matters as in any tar: parents first.

type MemberMeta = Pick<TarMember, 'mode' | 'uid' | 'gid' | 'mtime' | 'pax'> & {
  /** Values as text or bytes. */
  readonly xattrs?: Readonly<Record<string, string | Uint8Array>>
}

export function dir(path: string, meta: MemberMeta = {}): TarMember {
  return { name: `${path}/`, type: 'directory', ...converted(meta) }
}

export function file(path: string, content: string | Uint8Array = '', meta: MemberMeta = {}): TarMember {
  return { name: path, type: 'file', data: content, ...converted(meta) }
}

export function symlink(path: string, target: string, meta: MemberMeta = {}): TarMember {
  return { name: path, type: 'symlink', linkName: target, ...converted(meta) }
}

/** @param target path of an earlier member */
export function hardlink(path: string, target: string, meta: MemberMeta = {}): TarMember {
  return { name: path, type: 'hardlink', linkName: target, ...converted(meta) }
}

/** Hides `path` of lower layers. */
export function whiteout(path: string): TarMember {
  const cut = path.lastIndexOf('/') + 1
  return { name: `${path.slice(0, cut)}.wh.${path.slice(cut)}`, type: 'file' }
}

/** Hides everything that lower layers have below `path`. */
export function opaque(path: string): TarMember {
  return { name: path === '' ? '.wh..wh..opq' : `${path}/.wh..wh..opq`, type: 'file' }
}

/** Several directories at once, parents first. */
export function dirs(...paths: readonly string[]): TarMember[] {
  return paths.map((path) => dir(path))
}

function converted({ xattrs, ...meta }: MemberMeta): Omit<TarMember, 'name'> {
  if (!xattrs) return meta
  return {
    ...meta,
    xattrs: Object.entries(xattrs).map(([name, value]) => ({
      name,
      value: typeof value === 'string' ? Buffer.from(value) : value,
    })),
  }
}
