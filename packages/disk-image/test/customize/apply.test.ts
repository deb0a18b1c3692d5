import { describeTree, memoryDir, readText } from '@bootc-sdk/core/testing'
import { expect, test } from 'vitest'
import { applyCustomizations, parseCustomizations } from '../../src/index.js'

const hash = '$6$saltsalt$0123456789abcdefABCDEF./0123456789'
const day = 20_000

async function deployment() {
  const etc = memoryDir()
  const state = memoryDir()
  await etc.write(
    'passwd',
    Buffer.from('root:x:0:0:root:/root:/bin/sh\ndaemon:x:1000:1000::/:/sbin/nologin\n'),
    {
      mode: 0o644,
    },
  )
  await etc.write('shadow', Buffer.from('root:!:1:0:99999:7:::\n# kept\n'), {
    mode: 0,
    gid: 42,
    xattrs: [{ name: 'security.selinux', value: Buffer.from('shadow_t') }],
  })
  await etc.write('group', Buffer.from('root:x:0:\nwheel:x:10:root\n'), { mode: 0o644 })
  await etc.write('gshadow', Buffer.from('wheel:!::root\n'), { mode: 0 })
  return { etc, var: state, epoch: day * 86_400 }
}

test('users get lines, groups, homes and keys', async () => {
  const target = await deployment()
  const wishes = parseCustomizations(`
    [[customizations.user]]
    name = "alice"
    password = "${hash}"
    key = "ssh-ed25519 AAAA a"
    groups = ["wheel", "ops"]
    [[customizations.group]]
    name = "ops"
    gid = 1001
    [[customizations.user]]
    name = "root"
    key = "ssh-ed25519 BBBB b"
  `)
  await applyCustomizations(wishes, target)
  expect(await readText(target.etc, 'passwd')).toBe(
    'root:x:0:0:root:/root:/bin/sh\ndaemon:x:1000:1000::/:/sbin/nologin\n' +
      'alice:x:1002:1002::/home/alice:/bin/bash\n',
  )
  expect(await readText(target.etc, 'shadow')).toBe(
    `root:!:1:0:99999:7:::\n# kept\nalice:${hash}:${day}:0:99999:7:::\n`,
  )
  expect(await readText(target.etc, 'group')).toBe(
    'root:x:0:\nwheel:x:10:root,alice\nops:x:1001:alice\nalice:x:1002:\n',
  )
  expect(await readText(target.etc, 'gshadow')).toBe('wheel:!::root,alice\nops:!::alice\nalice:!::\n')
  expect(await target.etc.stat('shadow')).toMatchObject({ mode: 0, gid: 42 })
  expect(await target.etc.xattrs('shadow')).toHaveLength(1)

  expect(await readText(target.var, 'home/alice/.ssh/authorized_keys')).toBe('ssh-ed25519 AAAA a\n')
  expect(await target.var.stat('home/alice/.ssh/authorized_keys')).toMatchObject({
    mode: 0o600,
    uid: 1002,
    gid: 1002,
  })
  expect(await target.var.stat('home/alice')).toMatchObject({ mode: 0o700, uid: 1002 })
  expect(await target.var.stat('home')).toMatchObject({ mode: 0o755, uid: 0 })
  expect(await readText(target.var, 'roothome/.ssh/authorized_keys')).toBe('ssh-ed25519 BBBB b\n')
})

test('applied again it changes nothing', async () => {
  const target = await deployment()
  const wishes = parseCustomizations(`
    [[customizations.user]]
    name = "alice"
    password = "${hash}"
    key = "ssh-ed25519 AAAA a"
    groups = ["wheel"]
    [[customizations.files]]
    path = "/etc/motd"
    data = "hello"
  `)
  await applyCustomizations(wishes, target)
  const [etc, state] = [await describeTree(target.etc), await describeTree(target.var)]
  await applyCustomizations(wishes, target)
  expect(await describeTree(target.etc)).toEqual(etc)
  expect(await describeTree(target.var)).toEqual(state)
})

test('files and directories have the owners and modes that were asked for', async () => {
  const target = await deployment()
  const wishes = parseCustomizations(`
    [customizations]
    hostname = "edge"
    [[customizations.user]]
    name = "svc"
    uid = 900
    [[customizations.directories]]
    path = "/var/lib/app/data"
    ensure_parents = true
    user = "svc"
    group = "wheel"
    mode = "2770"
    [[customizations.files]]
    path = "/var/lib/app/data/f"
    data = "content"
    user = 5
    mode = "0600"
  `)
  await applyCustomizations(wishes, {
    ...target,
    xattrsOf: (path) => [{ name: 'user.path', value: Buffer.from(path) }],
  })
  expect(await readText(target.etc, 'hostname')).toBe('edge\n')
  expect(await target.var.stat('lib/app')).toMatchObject({ mode: 0o755, uid: 0 })
  expect(await target.var.stat('lib/app/data')).toMatchObject({ mode: 0o2770, uid: 900, gid: 10 })
  expect(await target.var.stat('lib/app/data/f')).toMatchObject({ mode: 0o600, uid: 5, gid: 0 })
  const [label] = await target.var.xattrs('lib/app/data/f')
  expect(Buffer.from(label!.value).toString()).toBe('var/lib/app/data/f')
})

test('an id of a user that only the image has is nobody else’s', async () => {
  const image = memoryDir({ directories: ['usr', 'usr/lib'] })
  await image.write('usr/lib/passwd', Buffer.from('sshd:x:74:74::/:/sbin/nologin\ndaemon:x:75:75::/:/x\n'))
  const target = { ...(await deployment()), image }
  const wish = (uid: number) =>
    applyCustomizations(parseCustomizations(`[[customizations.user]]\nname="eve"\nuid=${uid}`), target)
  await expect(wish(74)).rejects.toMatchObject({
    code: 'SYSROOT_CUSTOMIZATION_INVALID',
    details: { reason: '74 belongs to sshd' },
  })
  // The line in /etc says another.
  await wish(75)
  expect(await readText(target.etc, 'passwd')).toContain('eve:x:75:')
})

test('groups that only the image has are taken over', async () => {
  const target = await deployment()
  const image = memoryDir()
  await image.mkdir('usr')
  await image.mkdir('usr/lib')
  await image.write('usr/lib/group', Buffer.from('docker:x:990:\n'))
  const wishes = parseCustomizations('[[customizations.user]]\nname = "bob"\ngroups = ["docker"]')
  await applyCustomizations(wishes, { ...target, image })
  expect(await readText(target.etc, 'group')).toContain('docker:x:990:bob\n')
})

test.each([
  [
    'a group that does not exist',
    '[[customizations.user]]\nname="b"\ngroups=["nope"]',
    'customizations.user[0].groups',
  ],
  ['an id of somebody else', '[[customizations.user]]\nname="b"\nuid=1000', 'customizations.user[0].uid'],
  ['an id of another group', '[[customizations.group]]\nname="b"\ngid=10', 'customizations.group[0].gid'],
  [
    'a group with another id',
    '[[customizations.group]]\nname="wheel"\ngid=11',
    'customizations.group[0].gid',
  ],
  ['a file of nobody', '[[customizations.files]]\npath="/etc/x"\nuser="ghost"', '/etc/x'],
  ['keys without a home to keep', '[[customizations.user]]\nname="b"\nhome="/opt/b"\nkey="k"', undefined],
])('%s is refused and nothing is written', async (_what, text, key) => {
  const target = await deployment()
  const before = await describeTree(target.etc)
  await expect(applyCustomizations(parseCustomizations(text), target)).rejects.toMatchObject({
    code: 'SYSROOT_CUSTOMIZATION_INVALID',
    ...(key === undefined ? {} : { details: { key } }),
  })
  expect(await describeTree(target.etc)).toEqual(before)
})

test('links in /var and /etc do not lead out', async () => {
  const target = await deployment()
  await target.var.symlink('/etc', 'home')
  await target.etc.symlink('/var', 'linked')
  const user = parseCustomizations('[[customizations.user]]\nname = "b"\nkey = "k"')
  await expect(applyCustomizations(user, target)).rejects.toMatchObject({
    code: expect.stringMatching(/^(TREE|SYSROOT)_/),
  })
  const file = parseCustomizations('[[customizations.files]]\npath = "/etc/linked/x"\ndata = "y"')
  await expect(applyCustomizations(file, target)).rejects.toMatchObject({
    code: expect.stringMatching(/^(TREE|SYSROOT)_/),
  })
})
