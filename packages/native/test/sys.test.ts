import { execFileSync, spawnSync } from 'node:child_process'
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { nativeStatus } from '../src/index.js'
import { addon, describeNative, isRoot, scratch } from './support.js'

const RESOLVE_BENEATH = 8
const RESOLVE_IN_ROOT = 16
const RESOLVE_NO_SYMLINKS = 4
const AT_FDCWD = -100

describeNative('system calls', () => {
  const dir = scratch()
  const { sys } = addon ?? {}
  const dirfd = openSync(dir, constants.O_RDONLY | constants.O_DIRECTORY)
  writeFileSync(join(dir, 'file'), 'content')
  symlinkSync('file', join(dir, 'link'))
  const path = (name: string) => join(dir, name)
  const failure = (code: string, more: object = {}) => expect.objectContaining({ code, ...more })
  /** Runs `body` with an fd and closes it. */
  function withFd<T>(name: string, flags: number, body: (fd: number) => T): T {
    const fd = openSync(path(name), flags | constants.O_CREAT, 0o600)
    try {
      return body(fd)
    } finally {
      closeSync(fd)
    }
  }

  test('openat2 stays beneath its directory', () => {
    mkdirSync(path('jail'))
    symlinkSync('../file', path('jail/out'))
    symlinkSync('/file', path('jail/absolute'))
    writeFileSync(path('jail/file'), 'inside')
    const jail = openSync(path('jail'), constants.O_RDONLY)
    const open = (name: string, resolve: number) => {
      const fd = sys.openat2(jail, name, constants.O_RDONLY, 0, resolve)
      try {
        return readFileSync(fd, 'utf8')
      } finally {
        closeSync(fd)
      }
    }
    expect(open('file', RESOLVE_BENEATH)).toBe('inside')
    expect(() => open('../file', RESOLVE_BENEATH)).toThrow(
      failure('EXDEV', { errno: -18, syscall: 'openat2', path: '../file' }),
    )
    expect(() => open('out', RESOLVE_BENEATH)).toThrow(failure('EXDEV'))
    expect(open('absolute', RESOLVE_IN_ROOT)).toBe('inside')
    expect(() => open('out', RESOLVE_NO_SYMLINKS)).toThrow(failure('ELOOP'))
    expect(() => open('none', RESOLVE_BENEATH)).toThrow(failure('ENOENT'))
    closeSync(jail)
  })

  test('renameat2 exchanges, and does not replace when told so', () => {
    writeFileSync(path('a'), 'A')
    writeFileSync(path('b'), 'B')
    sys.renameat2(dirfd, 'a', dirfd, Buffer.from('b'), 2)
    expect([readFileSync(path('a'), 'utf8'), readFileSync(path('b'), 'utf8')]).toEqual(['B', 'A'])
    expect(() => sys.renameat2(dirfd, 'a', dirfd, 'b', 1)).toThrow(failure('EEXIST'))
    sys.renameat2(dirfd, 'a', dirfd, 'c', 1)
    expect(readFileSync(path('c'), 'utf8')).toBe('B')
  })

  test('linkat links a name, and an unnamed file through its descriptor', () => {
    sys.linkat(dirfd, 'file', dirfd, 'hard', 0)
    expect(statSync(path('hard')).ino).toBe(statSync(path('file')).ino)
    sys.linkat(dirfd, 'link', dirfd, 'hardlink', 0)
    expect(lstatSync(path('hardlink')).isSymbolicLink()).toBe(true)
    const O_TMPFILE = 0o20200000
    const fd = openSync(dir, O_TMPFILE | constants.O_RDWR, 0o600)
    writeFileSync(fd, 'unnamed')
    sys.linkat(AT_FDCWD, `/proc/self/fd/${fd}`, dirfd, 'named', 0x400)
    closeSync(fd)
    expect(readFileSync(path('named'), 'utf8')).toBe('unnamed')
  })

  test.skipIf(!isRoot)('mknodat makes an overlay whiteout (needs root)', () => {
    sys.mknodat(dirfd, 'whiteout', 0o020000, 0, 0)
    expect([lstatSync(path('whiteout')).isCharacterDevice(), lstatSync(path('whiteout')).rdev]).toEqual([
      true,
      0,
    ])
  })

  test('attributes are set, listed, read and removed, never through a link', () => {
    const names = () =>
      sys
        .listxattr(dirfd, 'file')
        .map(String)
        .filter((name) => name.startsWith('user.'))
    sys.setxattr(dirfd, 'file', 'user.text', Buffer.from('value'))
    sys.setxattr(dirfd, 'file', Buffer.from('user.bytes'), Buffer.from([0, 1, 255]))
    sys.setxattr(dirfd, 'file', 'user.large', Buffer.alloc(3000, 'x'))
    expect(names().sort()).toEqual(['user.bytes', 'user.large', 'user.text'])
    expect(sys.getxattr(dirfd, 'file', 'user.bytes')).toEqual(Buffer.from([0, 1, 255]))
    expect(sys.getxattr(dirfd, 'file', 'user.large')).toHaveLength(3000)
    expect(sys.getxattr(dirfd, 'file', 'user.none')).toBeUndefined()
    expect(sys.getxattr(dirfd, 'link', 'user.text')).toBeUndefined()
    expect(() => sys.setxattr(dirfd, 'link', 'user.text', Buffer.from('x'))).toThrow(failure('EPERM'))
    sys.removexattr(dirfd, 'file', 'user.large')
    expect(names().sort()).toEqual(['user.bytes', 'user.text'])
    expect(() => sys.removexattr(dirfd, 'file', 'user.large')).toThrow(failure('ENODATA'))
    expect(() => sys.getxattr(dirfd, 'none', 'user.x')).toThrow(failure('ENOENT', { path: 'none' }))
    // An empty path is the descriptor, AT_FDCWD takes any path.
    withFd('file', constants.O_RDONLY, (fd) =>
      expect(sys.getxattr(fd, '', 'user.text')?.toString()).toBe('value'),
    )
    expect(sys.getxattr(AT_FDCWD, path('file'), 'user.text')?.toString()).toBe('value')
    sys.setxattr(dirfd, '', 'user.dir', Buffer.from('d'))
    expect(sys.getxattr(AT_FDCWD, dir, 'user.dir')?.toString()).toBe('d')
  })

  test.skipIf(!isRoot)('attributes of a symbolic link itself (needs root)', () => {
    sys.setxattr(dirfd, 'link', 'trusted.t', Buffer.from('on the link'))
    expect(sys.getxattr(dirfd, 'link', 'trusted.t')?.toString()).toBe('on the link')
    expect(sys.getxattr(dirfd, 'file', 'trusted.t')).toBeUndefined()
  })

  test('ficlone clones or says that it cannot', () => {
    withFd('clone', constants.O_RDWR, (target) =>
      withFd('file', constants.O_RDONLY, (source) => {
        try {
          sys.ficlone(source, target)
          expect(readFileSync(path('clone'), 'utf8')).toBe('content')
        } catch (error) {
          expect((error as { code: string }).code).toMatch(/^(EOPNOTSUPP|ENOTSUP|EXDEV|EINVAL|ENOTTY)$/)
        }
      }),
    )
  })

  test('fs-verity is enabled and measured, or refused', () => {
    writeFileSync(path('sealed'), '')
    withFd('sealed', constants.O_RDONLY, (fd) => {
      const refused = expect.objectContaining({
        code: expect.stringMatching(/^(EOPNOTSUPP|ENOTSUP|ENOTTY)$/),
      })
      let before: unknown
      try {
        before = sys.measureVerity(fd)
      } catch (error) {
        expect(error).toEqual(refused)
        expect(() => sys.enableVerity(fd, 1)).toThrow(refused)
        return
      }
      expect(before).toBeUndefined()
      sys.enableVerity(fd, 1)
      expect(sys.measureVerity(fd)).toEqual({
        algorithm: 1,
        digest: Buffer.from('3d248ca542a24fc62d1c43b916eae5016878e2533c88238480b26128a1f1af95', 'hex'),
      })
    })
  })

  test('syncfs and statfs answer for the file system of an fd', async () => {
    const synced = sys.syncfs(dirfd)
    expect(synced).toBeInstanceOf(Promise)
    await synced
    const { type, freeBytes, availableBytes, totalBytes } = sys.statfs(dirfd)
    expect(type).toBeGreaterThan(0)
    expect(availableBytes).toBeLessThanOrEqual(freeBytes)
    expect(freeBytes).toBeLessThanOrEqual(totalBytes)
    const line = execFileSync('df', ['-B1', '--output=size', dir], { encoding: 'utf8' }).trim().split('\n')[1]
    expect(totalBytes).toBe(Number(line))
    expect(() => sys.statfs(9999)).toThrow(failure('EBADF'))
    expect(() => sys.syncfs(9999)).toThrow(failure('EBADF'))
  })

  test('locks keep other holders out, also in another process', () => {
    const addonFile = nativeStatus().reason.replace('loaded from ', '')
    for (const kind of ['flock', 'ofd'] as const) {
      const name = `lock-${kind}`
      withFd(name, constants.O_RDWR, (first) =>
        withFd(name, constants.O_RDWR, (second) => {
          const other = (exclusive: boolean) =>
            spawnSync(
              process.execPath,
              [
                '-e',
                `
              const fd = require('fs').openSync(${JSON.stringify(path(name))}, 'r+')
              process.stdout.write(String(require(${JSON.stringify(addonFile)}).sys.tryLock(fd, '${kind}', ${exclusive})))`,
              ],
              { encoding: 'utf8' },
            ).stdout
          expect(sys.tryLock(first, kind, true)).toBe(true)
          expect(sys.tryLock(second, kind, false)).toBe(false)
          expect(other(false)).toBe('false')
          expect(sys.tryLock(first, kind, false)).toBe(true)
          expect(sys.tryLock(second, kind, false)).toBe(true)
          expect(other(false)).toBe('true')
          expect(other(true)).toBe('false')
          sys.unlock(first, kind)
          sys.unlock(second, kind)
          expect(other(true)).toBe('true')
        }),
      )
    }
    expect(() => sys.tryLock(9999, 'flock', true)).toThrow(failure('EBADF'))
    expect(() => sys.tryLock(0, 'other' as 'ofd', true)).toThrow(/kind/)
  })

  test('the immutable flag is read, and set where that is allowed', (context) => {
    withFd('immutable', constants.O_RDWR, (fd) => {
      let before: boolean
      try {
        before = sys.getImmutable(fd)
      } catch (error) {
        expect((error as { code: string }).code).toMatch(/^(ENOTTY|EOPNOTSUPP|ENOTSUP)$/)
        return context.skip('this file system has no flags')
      }
      expect(before).toBe(false)
      try {
        sys.setImmutable(fd, true)
      } catch (error) {
        expect((error as { code: string }).code).toMatch(/^(EPERM|EOPNOTSUPP|ENOTSUP)$/)
        return
      }
      expect(sys.getImmutable(fd)).toBe(true)
      expect(() => writeFileSync(path('immutable'), 'x')).toThrow(/EPERM/)
      sys.setImmutable(fd, false)
      writeFileSync(path('immutable'), 'x')
    })
  })

  test('times and modes are set without following a link', () => {
    sys.utimens(dirfd, 'link', 5, 6000)
    expect(lstatSync(path('link'), { bigint: true }).mtimeNs).toBe(5_000_006_000n)
    expect(statSync(path('file')).mtimeMs).toBeGreaterThan(1e12)
    sys.fchmodat(dirfd, 'file', 0o640)
    expect(statSync(path('file')).mode & 0o7777).toBe(0o640)
    expect(() => sys.fchmodat(dirfd, 'link', 0o600)).toThrow(failure('ENOTSUP'))
    withFd('file', constants.O_RDWR, (fd) => {
      sys.fchmodat(fd, '', 0o604)
      sys.utimens(fd, '', 1, 0)
      sys.fchownat(fd, '', process.getuid!(), process.getgid!())
      expect([fstatSync(fd).mode & 0o7777, fstatSync(fd).mtimeMs]).toEqual([0o604, 1000])
      ftruncateSync(fd, 0)
    })
  })

  test.skipIf(!isRoot)('owners are set without following a link (needs root)', () => {
    sys.fchownat(dirfd, 'link', 1234, 4_000_000_000)
    expect([lstatSync(path('link')).uid, lstatSync(path('link')).gid]).toEqual([1234, 4_000_000_000])
    expect(statSync(path('file')).uid).toBe(0)
  })

  test('arguments of the wrong kind are refused', () => {
    expect(() => sys.openat2(dirfd, 5 as unknown as string, 0, 0, 0)).toThrow(failure('ERR_INVALID_ARG_TYPE'))
    expect(() => sys.openat2('x' as unknown as number, 'x', 0, 0, 0)).toThrow(failure('ERR_INVALID_ARG_TYPE'))
    expect(() => sys.getxattr(dirfd, 'nul\0byte', 'user.x')).toThrow(failure('ERR_INVALID_ARG_TYPE'))
  })
})
