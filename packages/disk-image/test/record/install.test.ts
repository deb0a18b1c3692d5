import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { composefsBackend } from '@bootc-sdk/composefs-backend'
import { grubBootloader } from '@bootc-sdk/bootloader-grub'
import { type Dir, type Meta, openBootc, parseImageReference } from '@bootc-sdk/core'
import { nodeDir, nodeHost } from '@bootc-sdk/core/node'
import { bootableImage, file, memoryTransport } from '@bootc-sdk/core/testing'
import { ostreeBackend } from '@bootc-sdk/ostree-backend'
import { expect, test } from 'vitest'
import { packingSysroot, parseOwners, printOwners, recordingDir } from '../../src/index.js'
import { scratch } from '../scratch.js'

/** A directory of somebody who may set nothing that needs rights. */
function unprivileged(inner: Dir): Dir {
  const check = (meta: Meta = {}) => {
    expect(meta).not.toHaveProperty('uid')
    expect(meta).not.toHaveProperty('gid')
    expect(meta).not.toHaveProperty('xattrs')
  }
  const { setImmutable: _refused, ...rest } = inner
  return {
    ...rest,
    supports: { ...inner.supports, chown: false, xattrs: false, immutable: false },
    mkdir: (path, meta) => (check(meta), inner.mkdir(path, meta)),
    write: (path, data, options) => (check(options), inner.write(path, data, options)),
    copy: (from, to, options) => (check(options), inner.copy(from, to, options)),
    symlink: (target, path, meta) => (check(meta), inner.symlink(target, path, meta)),
    setMeta: (path, meta) => (check(meta), inner.setMeta(path, meta)),
    sub: (path) => unprivileged(inner.sub(path)),
  }
}

test.each(['ostree', 'composefs'])('%s installs without root, and owners are recorded', async (store) => {
  const at = await scratch()
  await mkdir(join(at, 'root'))
  await mkdir(join(at, 'run'))
  const root = await recordingDir(unprivileged(nodeDir(join(at, 'root'))))
  const host = nodeHost({ live: false, arch: 'amd64' })
  const sysroot = await packingSysroot({ root, run: nodeDir(join(at, 'run')), host })
  const capability = Buffer.from('0100000200040000000000000000000000000000', 'hex')
  const image = bootableImage({
    version: 1,
    extraEntries: [
      file('etc/secret', 'x', { uid: 7, gid: 8, mode: 0o400, xattrs: { 'security.capability': capability } }),
    ],
  })
  const bootc = await openBootc({
    sysroot,
    transports: [memoryTransport({ 'registry.example/os:1': image })],
    stores: [ostreeBackend(), composefsBackend({ allowMissingVerity: true })],
    bootloaders: [grubBootloader()],
  })
  await bootc.install({
    source: { signature: { kind: 'insecure' }, image: parseImageReference('registry:registry.example/os:1') },
    store,
    kargs: { root: ['root=LABEL=root', 'rw'] },
  })
  const owners = await root.owners()
  const [path, secret] = [...owners].find(([name]) => /deploy\/[^/]+\/etc\/secret$/.test(name))!
  expect(secret).toMatchObject({ uid: 7, gid: 8, mode: 0o400 })
  expect(await root.stat(path)).toMatchObject({ uid: 7, gid: 8, mode: 0o400 })
  expect((await nodeDir(join(at, 'root')).stat(path))?.mode).toBe(0o600)
  if (store === 'ostree') {
    expect(secret.xattrs.map(({ name }) => name)).toContain('security.capability')
    expect([...owners.values()].filter(({ immutable }) => immutable)).toHaveLength(1)
  }
  const again = await recordingDir(nodeDir(join(at, 'root')), { owners: parseOwners(printOwners(owners)) })
  expect(printOwners(await again.owners())).toBe(printOwners(owners))
})
