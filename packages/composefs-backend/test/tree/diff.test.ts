import { describe, expect, it } from 'vitest'
import { parseDump } from '../../src/format/dump/parse.js'
import { diffTrees, treesEqual } from '../../src/tree/diff.js'
import { directory, Inode, S_IFREG, type FileTree } from '../../src/tree/inode.js'

const digest = (byte: string) => byte.repeat(32)
const object = (byte: string) => `${byte}/${byte.repeat(31)}`

const tree = (...lines: string[]): FileTree =>
  parseDump(Buffer.from(['/ 0 40755 2 0 0 0 1.0 - - -', ...lines].join('\n'), 'latin1'))
const diff = (a: string | readonly string[], b: string | readonly string[]): string[] => [
  ...diffTrees(tree(...[a].flat()), tree(...[b].flat())),
]

describe('the difference of two trees', () => {
  it('is nothing when they are equal, in whatever order and however links are owned', () => {
    const lines = ['/a 1 100644 2 0 0 0 1.0 - x - user.a=1 user.b=2', '/d 0 40755 2 0 0 0 1.0 - - -']
    const link = '/b 0 @100644 - - - - - /a - -'
    const a = tree(...lines, link)
    const b = tree(
      lines[1]!,
      lines[0]!.replace('/a ', '/b ').replace(' user.a=1', ''),
      '/a 0 @100644 - - - - - /b - -',
    )
    b.root.children!.get('a')!.xattrs = new Map([
      ['user.b', '2'],
      ['user.a', '1'],
    ])
    expect([...diffTrees(a, b)]).toEqual([])
    expect(treesEqual(a, b)).toBe(true)
    expect(treesEqual(a, tree(...lines))).toBe(false)
  })

  it.each([
    ['mode', '/f 0 100644 1 0 0 0 1.0 - - -', '/f 0 104755 1 0 0 0 1.0 - - -', 'mode 0644 -> 4755'],
    ['owner', '/f 0 100644 1 5 0 0 1.0 - - -', '/f 0 100644 1 6 0 0 1.0 - - -', 'uid 5 -> 6'],
    ['group', '/f 0 100644 1 0 5 0 1.0 - - -', '/f 0 100644 1 0 6 0 1.0 - - -', 'gid 5 -> 6'],
    [
      'mtime',
      '/f 0 100644 1 0 0 0 1.5 - - -',
      '/f 0 100644 1 0 0 0 18446744073709551615.0 - - -',
      'mtime 1.000000005 -> -1.000000000',
    ],
    ['links', '/f 0 100644 1 0 0 0 1.0 - - -', '/f 0 100644 3 0 0 0 1.0 - - -', 'nlink 1 -> 3'],
    ['target', '/f 1 120777 1 0 0 0 1.0 a - -', '/f 3 120777 1 0 0 0 1.0 b\\x20c - -', 'target a -> b\\x20c'],
    ['device', '/f 0 20644 1 0 0 259 1.0 - - -', '/f 0 20644 1 0 0 66305 1.0 - - -', 'device 1:3 -> 259:1'],
    ['type', '/f 0 10644 1 0 0 0 1.0 - - -', '/f 0 140755 1 0 0 0 1.0 - - -', 'type fifo -> socket'],
    ['content', '/f 1 100644 1 0 0 0 1.0 - a -', '/f 1 100644 1 0 0 0 1.0 - b -', 'content "a" -> "b"'],
    [
      'attribute',
      '/f 0 100644 1 0 0 0 1.0 - - - user.x=a',
      '/f 0 100644 1 0 0 0 1.0 - - - user.x=\\x00\\x3d',
      'xattr user.x "a" -> "\\x00\\x3d"',
    ],
    [
      'new attribute',
      '/f 0 100644 1 0 0 0 1.0 - - -',
      '/f 0 100644 1 0 0 0 1.0 - - - user.x=',
      'xattr user.x none -> ""',
    ],
    [
      'digest',
      `/f 99 100644 1 0 0 0 1.0 ${object('ab')} - ${digest('ab')}`,
      `/f 99 100644 1 0 0 0 1.0 ${object('cd')} - ${digest('cd')}`,
      `digest ${digest('ab')} -> ${digest('cd')}`,
    ],
    [
      'object',
      `/f 99 100644 1 0 0 0 1.0 ${object('ab')} - ${digest('ab')}`,
      `/f 99 100644 1 0 0 0 1.0 some/path - ${digest('ab')}`,
      `object ${object('ab')} -> some/path`,
    ],
  ])('names a changed %s with both values', (_field, a, b, line) => {
    expect(diff(a, b)).toEqual([`changed /f: ${line}`])
    expect(diff(b, a)).toHaveLength(1)
  })

  it('has a line for each field', () => {
    expect(
      diff(
        '/f 1 100644 1 0 0 0 1.0 - a -',
        `/f 99 100600 1 7 0 0 2.0 ${object('ab')} - ${digest('ab')} user.x=y`,
      ),
    ).toEqual([
      'changed /f: mode 0644 -> 0600',
      'changed /f: uid 0 -> 7',
      'changed /f: mtime 1.000000000 -> 2.000000000',
      'changed /f: size 1 -> 99',
      `changed /f: digest none -> ${digest('ab')}`,
      `changed /f: object none -> ${object('ab')}`,
      'changed /f: content "a" -> none',
      'changed /f: xattr user.x none -> "y"',
    ])
  })

  it('describes what came and went, with everything below it', () => {
    const lines = [
      '/d 0 40700 2 1 2 0 1.0 - - -',
      '/d/f 1 100644 1 0 0 0 1.0 - x - user.b= user.a=',
      '/e 1 120777 1 0 0 0 1.0 t - -',
    ]
    expect(diff([], lines)).toEqual([
      'added   /d: directory, mode 0700, uid 1, gid 2, mtime 1.000000000',
      'added   /d/f: file, mode 0644, uid 0, gid 0, mtime 1.000000000, size 1, xattrs user.a user.b',
      'added   /e: symlink, mode 0777, uid 0, gid 0, mtime 1.000000000, target t',
    ])
    expect(diff(lines, []).map((line) => line.split(':')[0])).toEqual([
      'removed /d',
      'removed /d/f',
      'removed /e',
    ])
  })

  it('goes in byte order, depth first', () => {
    const entry = (path: string) => `${path} 0 40755 2 0 0 0 1.0 - - -`
    const lines = ['/a', '/a/z', '/a-', '/a-/z', '/B', '/\\xff', '/\\xc3\\xa9'].map(entry)
    expect(diff([], lines).map((line) => line.split(':')[0]!.slice(8))).toEqual([
      '/B',
      '/a',
      '/a/z',
      '/a-',
      '/a-/z',
      '/\\xc3\\xa9',
      '/\\xff',
    ])
  })

  it('is one line a difference, whatever names and values hold', () => {
    const [line, ...more] = diff(
      '/a\\nb 0 40755 2 0 0 0 1.0 - - -',
      '/a\\nb 0 40755 2 0 0 0 1.0 - - - user.\\n=\\n',
    )
    expect(more).toEqual([])
    expect(line).toBe('changed /a\\nb: xattr user.\\n none -> "\\n"')
  })

  it('says which file a name was linked to, and compares the file once', () => {
    const file = (path: string, mode = '644') => `${path} 1 100${mode} 2 0 0 0 1.0 - x -`
    const link = (path: string, to: string) => `${path} 0 @100644 - - - - - ${to} - -`
    expect(diff([file('/a'), link('/b', '/a')], [file('/a'), file('/b')])).toEqual([
      'changed /b: hard link /a -> none',
    ])
    expect(
      diff([file('/a'), file('/b'), link('/c', '/a')], [file('/a'), file('/b'), link('/c', '/b')]),
    ).toEqual(['changed /c: hard link /a -> /b'])
    expect(diff([file('/a'), link('/b', '/a')], [file('/a', '600'), link('/b', '/a')])).toEqual([
      'changed /a: mode 0644 -> 0600',
    ])
    expect(diff([file('/a')], [file('/a'), link('/b', '/a')])).toEqual(['added   /b: hard link to /a'])
  })

  it('is not in what one source leaves out: the path of an object, a count of links', () => {
    const file = (payload: string, nlink: number): FileTree => {
      const inode = new Inode(S_IFREG | 0o644)
      Object.assign(inode, { size: 99, digest: digest('ab'), payload, nlink })
      const root = directory()
      root.children!.set('f', inode)
      return { root }
    }
    expect([...diffTrees(file('', 0), file(object('ab'), 1))]).toEqual([])
    expect([...diffTrees(file('', 0), file('other', 1))]).toHaveLength(1)
  })

  it('cuts long values, and still tells that they differ', () => {
    const attribute = (end: string) => `/f 0 100644 1 0 0 0 1.0 - - - user.x=${'v'.repeat(100)}${end}`
    expect(diff(attribute('a'), attribute('b'))).toHaveLength(1)
    const content = (end: string) => `/f 101 100644 1 0 0 0 1.0 - ${'v'.repeat(100)}${end} -`
    expect(diff(content('a'), content('b'))).toEqual(['changed /f: content differs beyond what a line shows'])
  })

  it('of very deep trees needs no deep stack', () => {
    const deep = (mode: number): FileTree => {
      const root = directory()
      let at = root
      for (let i = 0; i < 20_000; i++) {
        const next = directory()
        at.children!.set('d', next)
        at = next
      }
      at.mode = (at.mode & ~0o7777) | mode
      return { root }
    }
    expect(treesEqual(deep(0o755), deep(0o755))).toBe(true)
    expect(treesEqual(deep(0o755), deep(0o700))).toBe(false)
  })
})
