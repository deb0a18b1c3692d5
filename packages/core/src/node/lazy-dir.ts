import { isBootcError } from '../errors.js'
import type { Dir } from '../interfaces/index.js'
import { joinPath, normalizePath } from '../names/index.js'

/** A directory below `base` that is made by the first write into it and looks empty until then. */
export function lazyDir(base: Dir, name: string): Dir {
  const at = (path: string) => joinPath(name, normalizePath(path))
  const make = async () => {
    if ((await base.stat(name)) !== undefined) return
    try {
      await base.mkdir(name, { mode: 0o755 })
    } catch (error) {
      if (!isBootcError(error, 'TREE_EXISTS')) throw error
    }
  }
  const dir: Dir = {
    supports: base.supports,
    ...(base.hostPath === undefined ? {} : { hostPath: `${base.hostPath}/${name}` }),
    async stat(path) {
      return base.stat(at(path))
    },
    async *list(path) {
      if (at(path) === name && (await base.stat(name)) === undefined) return
      yield* base.list(at(path))
    },
    read: (path, range) => base.read(at(path), range),
    readlink: (path) => base.readlink(at(path)),
    xattrs: (path) => base.xattrs(at(path)),
    async mkdir(path, meta) {
      await make()
      await base.mkdir(at(path), meta)
    },
    async write(path, data, options) {
      await make()
      await base.write(at(path), data, options)
    },
    async symlink(target, path, meta) {
      await make()
      await base.symlink(target, at(path), meta)
    },
    link: (from, to) => base.link(at(from), at(to)),
    rename: (from, to, options) => base.rename(at(from), at(to), options),
    async remove(path) {
      await base.remove(at(path))
    },
    setMeta: (path, meta) => base.setMeta(at(path), meta),
    async sync() {
      await base.sync()
    },
    space: () => base.space(),
    async lock(path, options) {
      await make()
      return base.lock(at(path), options)
    },
    copy: (from, to, options) => base.copy(at(from), at(to), options),
    sub: (path) => lazyDir(base, at(path)),
  }
  if (base.setImmutable !== undefined) {
    dir.setImmutable = (path, immutable) => base.setImmutable!(at(path), immutable)
  }
  if (base.supports.verity) {
    dir.enableVerity = (path, algorithm) => base.enableVerity!(at(path), algorithm)
    dir.measureVerity = (path) => base.measureVerity!(at(path))
  }
  return Object.freeze(dir)
}
