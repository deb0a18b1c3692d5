import { describe, expect, test } from 'vitest'
import type { TarMember } from '@bootc-sdk/core/tar'
import { bootTransform } from '../../src/tree/boot-transform.js'
import { directory } from '../../src/tree/inode.js'
import type { FileTree } from '../../src/tree/inode.js'
import { ociTransform } from '../../src/tree/oci-transform.js'
import type { ReadFile } from '../../src/tree/read-file.js'
import { describeTree } from './describe-tree.js'
import { at, dir, failure, file, layered, names } from './layers.js'

const xattr = (name: string): { name: string; value: Buffer } => ({ name, value: Buffer.from('v') })
const root = [
  dir('usr', { mode: 0o755, uid: 1, gid: 2, pax: { mtime: '100.5' }, xattrs: [xattr('user.usr')] }),
  dir('boot', { pax: { mtime: '7.000000123' } }),
  file('boot/kernel', 'k'),
  dir('sysroot', { mtime: 8 }),
  dir('run', { mode: 0o700, mtime: 9 }),
  file('run/secrets', 's'),
]
const nothing: ReadFile = () => Promise.reject(new Error('nothing is to be read'))

describe('the OCI transform', () => {
  test('gives the root what /usr has, and leaves the tree it was given alone', async () => {
    const tree = await layered([root])
    const before = describeTree(tree)
    const result = ociTransform(tree, { xattrs: 'keep-user-xattrs' })
    expect(describeTree(result)['/']).toMatchObject({
      mode: '40755',
      owner: '1:2',
      mtime: '100.500000000',
      xattrs: [['user.usr', 'v']],
    })
    expect(describeTree(tree)).toEqual(before)
  })

  test('empties /run, which becomes as old as /usr and keeps its mode', async () => {
    const result = describeTree(ociTransform(await layered([root])))
    expect(result['/run']).toMatchObject({ mode: '40700', mtime: '100.500000000', nlink: 2 })
    expect(result['/run/secrets']).toBeUndefined()
  })

  test('a file that had a name in /run has one less', async () => {
    const link = { name: 'usr/link', type: 'hardlink', linkName: 'run/secrets' } as const
    expect(at(ociTransform(await layered([[...root, link]])), 'usr/link').nlink).toBe(1)
  })

  test.each([
    ['allowlist-only', ['security.capability']],
    ['keep-user-xattrs', ['security.capability', 'user.a']],
  ] as const)('%s keeps %s', async (xattrs, kept) => {
    const all = ['security.capability', 'security.selinux', 'system.posix_acl_access', 'trusted.x', 'user.a']
    const tree = await layered([[...root, file('usr/f', '', { xattrs: all.map(xattr) })]])
    expect([...at(ociTransform(tree, { xattrs }), 'usr/f').xattrs!.keys()]).toEqual(kept)
    const bare = await layered([[...root, file('usr/f', '', { xattrs: [xattr('trusted.x')] })]])
    expect(at(ociTransform(bare, { xattrs }), 'usr/f').xattrs).toBeUndefined()
  })

  test('wants a directory /usr, and /run to be one', async () => {
    const usr = await failure((async () => ociTransform(await layered([[dir('run')]])))())
    expect(usr).toEqual({ code: 'STORE_COMPOSEFS_NOT_BOOTABLE', reason: '/usr is missing' })
    const run = await failure((async () => ociTransform(await layered([[dir('usr'), file('run')]])))())
    expect(run).toEqual({ code: 'STORE_COMPOSEFS_NOT_BOOTABLE', reason: '/run is not a directory' })
  })

  test('hard links stay hard links', async () => {
    const link = { name: 'usr/b', type: 'hardlink', linkName: 'usr/a' } as const
    const tree = ociTransform(await layered([[...root, file('usr/a'), link]]))
    expect(at(tree, 'usr/a')).toBe(at(tree, 'usr/b'))
    expect(at(tree, 'usr/a').nlink).toBe(2)
  })
})

describe('the boot transform', () => {
  test('empties /boot and /sysroot; of their times only the seconds change', async () => {
    const tree = ociTransform(await layered([root]))
    const result = describeTree(await bootTransform(tree, nothing))
    expect(result['/boot']).toMatchObject({ mtime: '100.123', nlink: 2 })
    expect(result['/sysroot']).toMatchObject({ mtime: '100.0' })
    expect(result['/boot/kernel']).toBeUndefined()
    expect(names(tree, 'boot')).toEqual(['kernel'])
  })

  test.each(['usr', 'boot', 'sysroot'])('wants /%s', async (name) => {
    const tree = await layered([root.filter((entry) => !entry.name.startsWith(name))])
    const result = await failure(bootTransform(tree, nothing))
    expect(result).toEqual({ code: 'STORE_COMPOSEFS_NOT_BOOTABLE', reason: `/${name} is missing` })
  })
})

describe('labels', () => {
  const label = (tree: FileTree, path: string): string | undefined =>
    (path === '/' ? tree.root : at(tree, path)).xattrs?.get('security.selinux')
  const readInline: ReadFile = (inode) => Promise.resolve(inode.content ?? new Uint8Array(0))

  /** The tree that boots with a policy, whose files may have any size. */
  async function labelled(
    policy: Readonly<Record<string, string>>,
    members: readonly TarMember[],
    config = 'SELINUXTYPE=p\n',
    options: { labelTimeoutMs?: number } = {},
  ): Promise<FileTree> {
    const base = [
      'etc',
      'etc/selinux',
      'etc/selinux/p',
      'etc/selinux/p/contexts',
      'etc/selinux/p/contexts/files',
    ]
    const tree = await layered([
      [...root, ...base.map((name) => dir(name)), file('etc/selinux/config'), ...members],
    ])
    at(tree, 'etc/selinux/config').content = Buffer.from(config)
    for (const [suffix, text] of Object.entries(policy)) {
      const name = `file_contexts${suffix}`
      const made = await layered([[file(name)]])
      at(made, name).content = Buffer.from(text)
      at(tree, 'etc/selinux/p/contexts/files').children!.set(name, at(made, name))
    }
    return bootTransform(tree, readInline, options)
  }

  test('the last line that matches gives the label, of local and homedirs ones too', async () => {
    const tree = await labelled(
      {
        '': '/.* all\n/usr/a exact\n/usr/.* usr\n/usr/l -l link\n',
        '.local': '/usr/b local\n',
        '.homedirs': '/usr/c home\n/usr/b home\n',
      },
      [
        ...['a', 'b', 'c', 'd'].map((name) => file(`usr/${name}`)),
        { name: 'usr/l', type: 'symlink', linkName: 'a' },
      ],
    )
    const found = ['/', 'usr', 'usr/a', 'usr/b', 'usr/c', 'usr/l'].map((path) => label(tree, path))
    expect(found).toEqual(['all', 'all', 'usr', 'home', 'home', 'link'])
    expect(label(tree, 'boot')).toBe('all')
  })

  test('without a line, and with <<none>>, a label that came along is taken away', async () => {
    const was = { xattrs: [xattr('security.selinux'), xattr('user.a')] }
    const tree = await labelled({ '': '/usr/n.* <<none>>\n/usr/y new\n' }, [
      file('usr/no', '', was),
      file('usr/other', '', was),
      file('usr/y', '', was),
    ])
    expect([...at(tree, 'usr/no').xattrs!]).toEqual([['user.a', 'v']])
    expect([...at(tree, 'usr/other').xattrs!]).toEqual([['user.a', 'v']])
    expect(new Map(at(tree, 'usr/y').xattrs)).toEqual(
      new Map([
        ['user.a', 'v'],
        ['security.selinux', 'new'],
      ]),
    )
  })

  test('an alias holds for its exact path and for what is below, and is asked again on the way', async () => {
    const tree = await labelled(
      {
        '': '/.* no\n/x/.* x\n/x/in/.* in\n/y/.* y\n',
        '.subs': '/usr/alias /old\n/usr/alias2 /gone\n',
        '.subs_dist': '/usr/alias /x\n/x/deep /y\n',
      },
      [
        dir('usr/alias'),
        file('usr/alias/f'),
        dir('usr/alias/in'),
        file('usr/alias/in/f'),
        dir('usr/alias/deep'),
        file('usr/alias/deep/f'),
        file('usr/alias3'),
      ],
    )
    const paths = ['usr/alias', 'usr/alias/f', 'usr/alias/in/f', 'usr/alias/deep/f', 'usr/alias3']
    expect(paths.map((path) => label(tree, path))).toEqual(['no', 'x', 'in', 'y', 'no'])
  })

  test('a name that would get another label becomes a file of its own', async () => {
    const link = (name: string): TarMember => ({ name, type: 'hardlink', linkName: 'usr/b/f' })
    const tree = await labelled({ '': '/usr/a/.* a\n/usr/b/.* b\n' }, [
      ...['usr/a', 'usr/b', 'usr/c'].map((name) => dir(name)),
      file('usr/b/f', 'content'),
      ...['usr/a/1', 'usr/a/2', 'usr/b/g', 'usr/c/x'].map(link),
    ])
    const inode = (path: string) => at(tree, path)
    expect(inode('usr/a/1')).toBe(inode('usr/a/2'))
    expect(inode('usr/a/1').nlink).toBe(2)
    // Each is compared with the first name, so two others with one label are two files.
    expect(inode('usr/b/f')).not.toBe(inode('usr/b/g'))
    expect(['usr/a/1', 'usr/b/f', 'usr/b/g', 'usr/c/x'].map((path) => label(tree, path))).toEqual([
      'a',
      'b',
      'b',
      undefined,
    ])
    expect([inode('usr/b/f').nlink, inode('usr/c/x').nlink, inode('usr/b/g').size]).toEqual([1, 1, 7])
  })

  test.each(['', '# SELINUXTYPE=p\n', 'SELINUX=enforcing\n'])(
    'with the config %j all labels go',
    async (config) => {
      const was = { xattrs: [xattr('security.selinux')] }
      expect(
        label(await labelled({ '': '/.* x\n' }, [file('usr/f', '', was)], config), 'usr/f'),
      ).toBeUndefined()
    },
  )

  test('the config names the policy whatever its case and spaces, and need not switch it on', async () => {
    const config = 'SELINUX=disabled\n SelinuxType = p \nSELINUXTYPE=q\n'
    expect(label(await labelled({ '': '/.* x\n' }, [], config), 'usr')).toBe('x')
  })

  test.each([
    [{}, undefined, 'is missing'],
    [{ '': '/.* x\n' }, 'SELINUXTYPE=q\n', 'is missing'],
    [{ '': '/.* x\n' }, 'SELINUXTYPE=../p\n', 'names no policy'],
    [{ '': '/a{1,2}++ x\n' }, undefined, 'file_contexts:1: unsupported expression'],
    [{ '': '/a -x y\n' }, undefined, 'file_contexts:1: unknown file type'],
    [{ '': '/.* x\n', '.subs': '/a\n' }, undefined, 'line 1 is not an alias and an original'],
  ])('a policy that cannot be read is refused: %j %s', async (policy, config, reason) => {
    const result = await failure(labelled(policy, [], config))
    expect(result.code).toBe('IMAGE_SELINUX_INVALID')
    expect(result.reason).toContain(reason)
  })

  test('expressions that never come to an end are stopped', async () => {
    const started = performance.now()
    const result = await failure(
      labelled({ '': '/usr/(a+)+b x\n' }, [file(`usr/${'a'.repeat(200)}`)], undefined, {
        labelTimeoutMs: 200,
      }),
    )
    expect(result.code).toBe('IMAGE_SELINUX_INVALID')
    expect(performance.now() - started).toBeLessThan(5000)
  })

  test('a policy that is a link or a directory is refused', async () => {
    const tree = await layered([
      [...root, dir('etc'), { name: 'etc/selinux', type: 'symlink', linkName: '/usr' }],
    ])
    expect((await failure(bootTransform(tree, readInline))).code).toBe('IMAGE_SELINUX_INVALID')
    const other = await layered([[...root, dir('etc'), dir('etc/selinux'), dir('etc/selinux/config')]])
    expect((await failure(bootTransform(other, readInline))).code).toBe('IMAGE_SELINUX_INVALID')
  })
})

test('trees of any depth are transformed without a deep stack', async () => {
  const tree = await layered([root])
  let parent = at(tree, 'usr')
  for (let depth = 0; depth < 50_000; depth++) {
    const below = directory()
    parent.children!.set('d', below)
    parent = below
  }
  expect((await bootTransform(ociTransform(tree), nothing)).root.nlink).toBe(6)
})
