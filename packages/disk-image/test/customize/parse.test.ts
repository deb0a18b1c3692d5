import { expect, test } from 'vitest'
import { parseCustomizations } from '../../src/index.js'

const hash = '$6$saltsalt$0123456789abcdefABCDEF./0123456789'

test('everything that can be applied is read', () => {
  const wishes = parseCustomizations(`
    [customizations]
    hostname = "edge-1.example"
    [customizations.kernel]
    append = " console=ttyS0 quiet "
    [[customizations.user]]
    name = "alice"
    password = "${hash}"
    key = "ssh-ed25519 AAAA alice"
    groups = ["wheel"]
    uid = 1500
    shell = "/bin/zsh"
    description = "Alice A."
    [[customizations.sshkey]]
    user = "root"
    key = "ssh-ed25519 BBBB admin"
    [[customizations.group]]
    name = "ops"
    gid = 1600
    [[customizations.filesystem]]
    mountpoint = "/"
    minsize = "10 GiB"
    [[customizations.directories]]
    path = "/etc/app/conf.d"
    ensure_parents = true
    mode = "0750"
    [[customizations.files]]
    path = "/etc/app/conf.d/one"
    data = "x=1\\n"
    user = "alice"
    group = 0
  `)
  expect(wishes).toEqual({
    users: [
      {
        name: 'alice',
        passwordHash: hash,
        keys: ['ssh-ed25519 AAAA alice'],
        groups: ['wheel'],
        uid: 1500,
        shell: '/bin/zsh',
        description: 'Alice A.',
      },
      { name: 'root', keys: ['ssh-ed25519 BBBB admin'], groups: [] },
    ],
    groups: [{ name: 'ops', gid: 1600 }],
    hostname: 'edge-1.example',
    kernelArguments: 'console=ttyS0 quiet',
    rootMinBytes: 10 * 2 ** 30,
    directories: [{ path: 'etc/app/conf.d', mode: 0o750, ensureParents: true }],
    files: [{ path: 'etc/app/conf.d/one', data: 'x=1\n', user: 'alice', group: 0 }],
    warnings: [],
  })
})

test('what is not known is warned of, each key by its path', () => {
  const { warnings } = parseCustomizations(`
    name = "x"
    [customizations.installer.kickstart]
    contents = "text"
    [[customizations.user]]
    name = "bob"
    expiredate = 1
    [[customizations.filesystem]]
    mountpoint = "/opt"
    minsize = 1
  `)
  expect(warnings.map(({ code }) => code)).toEqual(Array(4).fill('customization:ignored'))
  expect(warnings.map(({ details }) => details?.['key'])).toEqual([
    'customizations.user[0].expiredate',
    'customizations.filesystem[0].mountpoint',
    'customizations.installer',
    'name',
  ])
})

test('file systems of their own, with the names that people have for them', () => {
  const { warnings, ...wishes } = parseCustomizations(`
    [[customizations.filesystem]]
    mountpoint = "/boot"
    minsize = "1 GiB"
    [[customizations.filesystem]]
    mountpoint = "/var"
    minsize = 2147483648
    [[customizations.filesystem]]
    mountpoint = "/home"
    minsize = "3 GB"
  `)
  expect(warnings).toEqual([])
  expect(wishes).toMatchObject({
    bootMinBytes: 2 ** 30,
    filesystems: [
      { mountPoint: '/var', minBytes: 2 ** 31 },
      { mountPoint: '/home', minBytes: 3e9 },
    ],
  })
  expect(wishes).not.toHaveProperty('rootMinBytes')
})

test('an empty file asks for nothing', () => {
  expect(parseCustomizations('')).toEqual({ users: [], groups: [], files: [], directories: [], warnings: [] })
})

const user = (line: string) => `[[customizations.user]]\nname = "a"\n${line}`
const file = (lines: string) => `[[customizations.files]]\n${lines}`

test.each([
  ['no TOML', 'a = = b', 'file'],
  ['a plain password', user('password = "secret"'), 'customizations.user[0].password'],
  [
    'a password with a field separator',
    user('password = "$6$salt$aaaa:0:0:bbbbb"'),
    'customizations.user[0].password',
  ],
  ['a name with a colon', '[[customizations.user]]\nname = "a:b"', 'customizations.user[0].name'],
  ['no name', '[[customizations.user]]\nuid = 1', 'customizations.user[0].name'],
  [
    'a name twice',
    '[[customizations.group]]\nname="a"\n[[customizations.group]]\nname="a"',
    'customizations.group[1].name',
  ],
  [
    'a line break in a description',
    user('description = "a\\nroot::0:0"'),
    'customizations.user[0].description',
  ],
  ['a colon in a home', user('home = "/home/a:b"'), 'customizations.user[0].home'],
  ['a home that leads out', user('home = "/home/../etc"'), 'customizations.user[0].home'],
  ['a group of another type', user('groups = "wheel"'), 'customizations.user[0].groups'],
  ['a negative id', user('uid = -1'), 'customizations.user[0].uid'],
  ['an id that means none', user('uid = 4294967295'), 'customizations.user[0].uid'],
  ['a control character in a key', user('key = "ssh\\u0007"'), 'customizations.user[0].key'],
  ['a path that leads out', file('path = "/etc/../usr/bin/sh"'), 'customizations.files[0].path'],
  ['a path in /usr', file('path = "/usr/bin/x"'), 'customizations.files[0].path'],
  ['a relative path', file('path = "etc/x"'), 'customizations.files[0].path'],
  ['a mode that is none', file('path = "/etc/x"\nmode = "0999"'), 'customizations.files[0].mode'],
  ['a host name with a space', '[customizations]\nhostname = "a b"', 'customizations.hostname'],
  [
    'kernel arguments with a line break',
    '[customizations.kernel]\nappend = "a\\nb"',
    'customizations.kernel.append',
  ],
  [
    'a size without a unit we know',
    '[[customizations.filesystem]]\nmountpoint="/"\nminsize="1 XB"',
    'customizations.filesystem[0].minsize',
  ],
  [
    'one place under two names',
    '[[customizations.filesystem]]\nmountpoint="/home"\nminsize=1\n[[customizations.filesystem]]\nmountpoint="/var/home"\nminsize=1',
    'customizations.filesystem[1].mountpoint',
  ],
  [
    'a file system without a size',
    '[[customizations.filesystem]]\nmountpoint="/var"',
    'customizations.filesystem[0].minsize',
  ],
  ['a table that is none', 'customizations = 1', 'customizations'],
  ['users that are no array', '[customizations.user]\nname = "a"', 'customizations.user'],
])('%s is refused', (_what, text, key) => {
  expect(() => parseCustomizations(text)).toThrow(
    expect.objectContaining({
      code: 'SYSROOT_CUSTOMIZATION_INVALID',
      details: expect.objectContaining({ key }),
    }),
  )
})

test('a key named like a member of every object is none', () => {
  const { warnings } = parseCustomizations('[customizations]\nconstructor = 1\ntoString = 2')
  expect(warnings).toHaveLength(2)
})
