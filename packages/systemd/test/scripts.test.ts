import {
  chmodSync,
  existsSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { nodeDir } from '@bootc-sdk/core/node'
import { installSystemdPieces } from '../src/index.js'
import { fakeRoot, missing, script, type Tree } from './support.js'

const noAwk = missing('awk')

function shadowSync(tree: Tree) {
  const root = fakeRoot(tree)
  const ended = script('usr/lib/bootc-sdk/shadow-sync', [root])
  return { root, ended, read: (name: string) => readFileSync(join(root, 'etc', name), 'utf8') }
}

test.skipIf(noAwk)(
  'password entries without an account, and repeated ones, go; all else stays byte for byte',
  () => {
    const { read, ended } = shadowSync({
      'etc/passwd': 'root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n',
      'usr/lib/passwd': 'daemon:x:1:1::/:/usr/sbin/nologin\n',
      'etc/shadow':
        '# kept\nroot:$y$j9T$a:b:19000::::::\ngone:*:1::::::\ndaemon:*:1::::::\nann:!:1::::::\nroot:!:2::::::\n+@nis\n',
      'etc/group': 'root:x:0:\n',
      'usr/lib/group': 'wheel:x:10:\n',
      'etc/gshadow': 'root:*::\nwheel:!::ann\nstale:!::\n',
    })
    expect(read('shadow')).toBe(
      '# kept\nroot:$y$j9T$a:b:19000::::::\ndaemon:*:1::::::\nann:!:1::::::\n+@nis\n',
    )
    expect(read('gshadow')).toBe('root:*::\nwheel:!::ann\n')
    expect(ended.code).toBe(0)
    expect(ended.stderr).toContain('/etc/shadow: no account gone')
    expect(ended.stderr).toContain('/etc/shadow: a second entry of root')
    expect(ended.stderr).toContain('/etc/gshadow: no account stale')
  },
)

test.skipIf(noAwk)('the mode stays, no temporary file is left', () => {
  const { root } = (() => {
    const made = fakeRoot({ 'etc/passwd': 'root:x:0:0\n', 'etc/shadow': 'root:*\nx:*\n', 'etc/group': '' })
    chmodSync(join(made, 'etc/shadow'), 0o640)
    script('usr/lib/bootc-sdk/shadow-sync', [made])
    return { root: made }
  })()
  expect(statSync(join(root, 'etc/shadow')).mode & 0o777).toBe(0o640)
  expect(readdirSync(join(root, 'etc')).filter((name) => name !== '.pwd.lock')).toEqual([
    'group',
    'passwd',
    'shadow',
  ])
})

test.skipIf(noAwk)('no passwords are left behind when the disk is full', () => {
  const root = fakeRoot({
    'etc/passwd': 'root:x:0:0\n',
    'etc/shadow': 'root:*\nx:*\n',
    'bin/awk': '#!/bin/sh\nexit 2\n',
  })
  chmodSync(join(root, 'bin/awk'), 0o755)
  const PATH = `${join(root, 'bin')}:${process.env['PATH']}`
  expect(script('usr/lib/bootc-sdk/shadow-sync', [root], { PATH }).code).not.toBe(0)
  const left = readdirSync(join(root, 'etc')).filter((name) => name !== '.pwd.lock')
  expect(left).toEqual(['passwd', 'shadow'])
  expect(readFileSync(join(root, 'etc/shadow'), 'utf8')).toBe('root:*\nx:*\n')
})

test.skipIf(noAwk)('files that are right are not written', () => {
  const root = fakeRoot({ 'etc/passwd': 'root:x:0:0\n', 'etc/shadow': 'root:*\n' })
  utimesSync(join(root, 'etc/shadow'), 1, 1)
  expect(script('usr/lib/bootc-sdk/shadow-sync', [root])).toEqual({ code: 0, stdout: '', stderr: '' })
  expect(statSync(join(root, 'etc/shadow')).mtimeMs).toBe(1000)
})

test.skipIf(noAwk).each<[string, Tree]>([
  ['no list of accounts', { 'etc/shadow': 'root:*\n' }],
  ['an empty list of accounts', { 'etc/shadow': 'root:*\n', 'etc/passwd': '' }],
  ['no shadow', { 'etc/passwd': 'root:x:0:0\n' }],
  ['nothing', { etc: null }],
])('passwords are not thrown away when there is %s', (_name, tree) => {
  const { root, ended } = shadowSync(tree)
  expect(ended.code).toBe(0)
  if (tree['etc/shadow'] !== undefined) {
    expect(readFileSync(join(root, 'etc/shadow'), 'utf8')).toBe('root:*\n')
  }
})

const fstab = (text: string) => {
  const root = fakeRoot({ 'etc/fstab': text })
  expect(script('usr/lib/bootc-sdk/fstab-edit', [root]).code).toBe(0)
  expect(readdirSync(join(root, 'etc'))).toEqual(['fstab'])
  return readFileSync(join(root, 'etc/fstab'), 'utf8')
}
const stamp = '# Updated by bootc-fstab-edit.service\n'

test.skipIf(noAwk)('fstab: / becomes read-only, other lines stay as they are, once', () => {
  const other = '# / x\nUUID=1  /boot\text4   defaults  1 2\n'
  const edited = fstab(`${other}UUID=2 / xfs rw,noatime 0 0\n`)
  expect(edited).toBe(`${other}UUID=2 / xfs noatime,ro 0 0\n${stamp}`)
  expect(fstab(edited)).toBe(edited)
  expect(fstab('UUID=2 / xfs ro,x 0 0\n')).toBe(`UUID=2 / xfs ro,x 0 0\n${stamp}`)
  expect(fstab('UUID=2 / xfs\n')).toBe(`UUID=2 / xfs ro\n${stamp}`)
})

const old: Tree = {
  'ostree/deploy/default': null,
  'usr/bin/sh': '',
  bin: '-> usr/bin',
  'etc/passwd': '',
  'etc/ssh/key': '',
  'etc/bootc-destructive-cleanup': '',
  'var/lib/dpkg/status': '',
  'var/lib/app/data': '',
  'var/log/syslog': '',
  'home/ann/letter': '',
  'boot/loader/entries/x.conf': '',
}
const cleanup = (tree: Tree) => {
  const root = fakeRoot(tree)
  return { root, ...script('usr/lib/bootc-sdk/destructive-cleanup', [root]) }
}

test('clean-up removes programs, settings and package databases; what people left there stays', () => {
  const { root, code } = cleanup(old)
  expect(code).toBe(0)
  expect(readdirSync(root).sort()).toEqual(['boot', 'home', 'ostree', 'var'])
  expect(existsSync(join(root, 'home/ann/letter'))).toBe(true)
  expect(existsSync(join(root, 'var/lib/app/data'))).toBe(true)
  expect(existsSync(join(root, 'var/lib/dpkg'))).toBe(false)
})

test('clean-up does nothing without its stamp, and nothing where no deployment was installed', () => {
  const { 'etc/bootc-destructive-cleanup': _stamp, ...unasked } = old
  const first = cleanup(unasked)
  expect(first.code).toBe(0)
  expect(existsSync(join(first.root, 'usr/bin/sh'))).toBe(true)
  const { 'ostree/deploy/default': _deployment, ...foreign } = old
  const second = cleanup(foreign)
  expect(second.code).toBe(1)
  expect(second.stderr).toContain('not the physical root of another deployment')
  expect(existsSync(join(second.root, 'usr/bin/sh'))).toBe(true)
})

test('clean-up does not follow links to what stays', () => {
  const root = fakeRoot({
    ...Object.fromEntries(Object.entries(old).filter(([path]) => !path.startsWith('var'))),
  })
  const kept = fakeRoot({ 'lib/dpkg/status': '' })
  symlinkSync(kept, join(root, 'var'))
  expect(script('usr/lib/bootc-sdk/destructive-cleanup', [root]).code).toBe(0)
  expect(existsSync(join(kept, 'lib/dpkg/status'))).toBe(true)
})

test.each([
  ['the boot volume', { 'boot/ostree/finalize-failure.stamp': 'no space\nleft' }, 'no space left'],
  [
    'the record',
    { 'sysroot/.bootc-sdk/trials.json': '{"finalizeFailure":{"message":"x"}}' },
    'bootc-sdk status',
  ],
])('a failed finalize that %s tells of makes the unit fail', (_name, tree, text) => {
  const { code, stderr } = script('usr/lib/bootc-sdk/finalize-report', [fakeRoot(tree)])
  expect(code).toBe(1)
  expect(stderr).toMatch(/^<3>/)
  expect(stderr).toContain(text)
})

test('a record of trials alone is no failure', () => {
  const root = fakeRoot({ 'sysroot/.bootc-sdk/trials.json': '{"trials":[]}' })
  expect(script('usr/lib/bootc-sdk/finalize-report', [root]).code).toBe(0)
})

const countVariable = 'sys/firmware/efi/efivars/LoaderBootCountPath-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f'

test.each([
  ['on trial', '{"healthy":false,"verdict":"retry","warnings":[]}', {}, true],
  ['on the last try', '{"healthy":false,"verdict":"last-try-failed","warnings":[]}', {}, true],
  ['not on trial', '{"healthy":false,"verdict":"none","warnings":[]}', { [countVariable]: '' }, false],
  [
    'on trial with nothing to fall back to',
    '{"verdict":"retry","warnings":[{"code":"trial:no-fallback","message":"x"}]}',
    {},
    false,
  ],
  ['counted by the loader, when nothing can be written down', '', { [countVariable]: '' }, true],
  ['of which nothing is known', '', {}, false],
])('emergency mode in a boot %s', async (_name, said, tree, restarts) => {
  const root = fakeRoot({ ...tree, said, bin: null })
  const program = (name: string, text: string) =>
    writeFileSync(join(root, 'bin', name), `#!/bin/sh\n${text}\n`, { mode: 0o755 })
  program('bootc-sdk', `echo "$@" >'${root}/asked'; cat '${root}/said'; exit 1`)
  program('systemctl', `echo "$@" >'${root}/systemctl'`)
  program('sleep', '')
  const commandPath = join(root, 'bin/bootc-sdk')
  await installSystemdPieces(nodeDir(root), { only: ['boot-check'], commandPath })
  const { code } = script(join(root, 'usr/lib/bootc-sdk/trial-emergency'), [root], {
    PATH: `${join(root, 'bin')}:${process.env['PATH']}`,
  })
  expect(code).toBe(0)
  expect(readFileSync(join(root, 'asked'), 'utf8')).toContain('boot-check --json --failed the system reached')
  expect(existsSync(join(root, 'systemctl'))).toBe(restarts)
  if (restarts) expect(readFileSync(join(root, 'systemctl'), 'utf8')).toBe('--force reboot\n')
})
