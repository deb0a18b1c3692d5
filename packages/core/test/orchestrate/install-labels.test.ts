import { describe, expect, test } from 'vitest'
import { BootcError } from '../../src/errors.js'
import { openBootc } from '../../src/orchestrate/index.js'
import { labelPhysicalRoot } from '../../src/orchestrate/install-labels.js'
import {
  bootableImage,
  dir,
  file,
  memoryBackend,
  memoryBootloader,
  memorySysroot,
  memoryTransport,
  memoryTree,
  type MemorySysroot,
} from '../../src/testing/index.js'
import type { Dir } from '../../src/interfaces/index.js'
import { stable } from './machine.js'

const policy = {
  'usr/etc/selinux/config': 'SELINUX=enforcing\nSELINUXTYPE=targeted\n',
  'usr/etc/selinux/targeted/policy/policy.33': 'x',
  'usr/etc/selinux/targeted/contexts/files/file_contexts': [
    '/usr(/.*)?\tsystem_u:object_r:usr_t:s0',
    '/boot(/.*)?\tsystem_u:object_r:boot_t:s0',
    '/etc(/.*)?\tsystem_u:object_r:etc_t:s0',
    '/var(/.*)?\tsystem_u:object_r:var_t:s0',
    '',
  ].join('\n'),
}

const labelOf = async (dir: Dir, path: string): Promise<string | undefined> =>
  (await dir.xattrs(path))
    .filter(({ name }) => name === 'security.selinux')
    .map(({ value }) => Buffer.from(value).toString().split(':')[2])[0]

/** As on a machine with SELinux, for a process outside `install_t`. */
function refusing(sysroot: MemorySysroot): MemorySysroot {
  const refuse = (xattrs: readonly { name: string }[] = []) => {
    if (!xattrs.some(({ name }) => name === 'security.selinux')) return
    throw new BootcError('TREE_IO', 'invalid argument', { details: { errno: 'EINVAL' } })
  }
  const root: Dir = {
    ...sysroot.root,
    supports: sysroot.root.supports,
    write: async (path, data, options = {}) => {
      refuse(options.xattrs)
      await sysroot.root.write(path, data, options)
    },
    setMeta: async (path, meta) => {
      refuse(meta.xattrs)
      await sysroot.root.setMeta(path, meta)
    },
  }
  const changed: MemorySysroot = {
    ...sysroot,
    root,
    lock: async (options) => ({ ...(await sysroot.lock(options)), sysroot: changed }),
  }
  return changed
}

async function about(files: Readonly<Record<string, string>>, sysroot = memorySysroot()) {
  const paths = Object.keys(files)
  const parents = paths.flatMap((path) =>
    path
      .split('/')
      .slice(0, -1)
      .map((_, depth, parts) => parts.slice(0, depth + 1).join('/')),
  )
  const entries = [
    ...[...new Set(parents)].sort().map((path) => dir(path)),
    ...paths.map((path) => file(path, files[path]!)),
  ]
  const extraLayers = paths.length === 0 ? [] : [{ entries, compression: 'none' as const }]
  const image = bootableImage({ version: 1, compression: 'none', extraLayers })
  const bootc = await openBootc({
    sysroot,
    transports: [memoryTransport({ [stable.image.name]: image })],
    stores: [memoryBackend()],
    bootloaders: [memoryBootloader()],
  })
  return { bootc, sysroot }
}

const onSelinux = { source: stable, aleph: { hostSelinux: true } }

describe('on a machine whose SELinux lets nobody write foreign labels', () => {
  test('an image with a policy is refused, and none of its deployments is left', async () => {
    const { bootc, sysroot } = await about(policy, refusing(memorySysroot()))
    await expect(bootc.install(onSelinux)).rejects.toMatchObject({
      code: 'HOST_SELINUX_LABELS',
      cause: { code: 'TREE_IO' },
    })
    expect(await sysroot.root.stat('.bootc-sdk-label')).toBeUndefined()
    expect(await sysroot.root.stat('.bootc-aleph.json')).toBeUndefined()
  })

  test('an image without one is installed', async () => {
    const { bootc } = await about({}, refusing(memorySysroot()))
    expect((await bootc.install(onSelinux)).warnings.map(({ code }) => code)).not.toContain(
      'install:labels-skipped',
    )
  })

  test('nothing is asked where SELinux is to be off in the new system', async () => {
    const { bootc, sysroot } = await about(policy, refusing(memorySysroot()))
    const { kargs } = await bootc.install({ ...onSelinux, disableSelinux: true })
    expect(kargs).toContain('selinux=0')
    expect(await labelOf(sysroot.root, '')).toBeUndefined()
  })

  test('and is not said to have SELinux, it gets a warning', async () => {
    const { bootc } = await about(policy, refusing(memorySysroot()))
    const { warnings } = await bootc.install({ source: stable })
    expect(warnings).toContainEqual(expect.objectContaining({ code: 'install:labels-skipped' }))
  })
})

test('an installation labels what lies beside its deployments', async () => {
  const { bootc, sysroot } = await about(policy)
  await bootc.install(onSelinux)
  const { root } = sysroot
  expect(await labelOf(root, '')).toBe('usr_t')
  expect(await labelOf(root, 'boot')).toBe('usr_t')
  expect(await labelOf(root, '.bootc-aleph.json')).toBe('usr_t')
  expect(await root.stat('.bootc-sdk-label')).toBeUndefined()
})

test('labels are those of the place in the running system; what has one, and other systems, stay', async () => {
  const sysroot = memorySysroot({ boot: 'volume' })
  const { root } = sysroot
  const deployment = 'ostree/deploy/default/deploy/abc.0'
  for (const path of [`${deployment}/etc/passwd`, `${deployment}/usr/bin`, 'ostree/deploy/default/var/lib']) {
    for (const [depth] of path.split('/').entries()) {
      const parent = path
        .split('/')
        .slice(0, depth + 1)
        .join('/')
      if ((await root.stat(parent)) === undefined) await root.mkdir(parent)
    }
  }
  await root.mkdir('home')
  await root.mkdir('ostree/repo', {
    xattrs: [{ name: 'security.selinux', value: Buffer.from('system_u:object_r:own_t:s0\0') }],
  })
  await sysroot.boot.dir.write('vmlinuz', Buffer.from('x'), {
    xattrs: [{ name: 'user.kept', value: Buffer.from('y') }],
  })
  expect(await labelPhysicalRoot(sysroot, await memoryTree(policy), {})).toEqual([])
  const labels = await Promise.all(
    [
      ...['', 'ostree', 'ostree/repo', deployment, `${deployment}/usr`, `${deployment}/etc`],
      ...[`${deployment}/etc/passwd`, 'ostree/deploy/default/var/lib', 'home'],
    ].map((path) => labelOf(root, path)),
  )
  expect(labels).toEqual([
    ...['usr_t', 'usr_t', 'own_t', 'usr_t', undefined, 'etc_t'],
    ...['etc_t', 'var_t', undefined],
  ])
  expect(await labelOf(sysroot.boot.dir, 'vmlinuz')).toBe('boot_t')
  expect((await sysroot.boot.dir.xattrs('vmlinuz')).map(({ name }) => name)).toContain('user.kept')
})
