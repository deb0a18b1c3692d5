import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { composefsImageStore, initComposefsRepo } from '@bootc-sdk/composefs-backend'
import { pullImage, type ImageReference } from '@bootc-sdk/core'
import { rechunkImage, type RechunkOptions, type RechunkResult } from '@bootc-sdk/core/rechunk'
import {
  buildImage,
  dir,
  dirs,
  file,
  hardlink,
  memoryDir,
  memoryTransport,
  opaque,
  symlink,
  whiteout,
  type BuiltImage,
  type LayerSpec,
} from '@bootc-sdk/core/testing'
import { ociDestination, ociTransport } from '@bootc-sdk/core/transports'
import { initRepo, ostreeImageStore } from '@bootc-sdk/ostree-backend'
import { onTestFinished } from 'vitest'

export const noise = (name: string, bytes: number): Buffer =>
  createHash('shake256', { outputLength: bytes }).update(name).digest()

/** What layers can do to each other, and tars to files. */
export function awkwardLayers(version = 1): LayerSpec[] {
  const long = `usr/lib/${'d'.repeat(120)}`
  return [
    {
      entries: [
        dir('.', { mode: 0o711, mtime: 5 }),
        // OSTree invents /usr here, with this owner.
        dir('etc', { uid: 3, gid: 4 }),
        file('etc/conf', 'a', { mtime: 1.5 }),
        dir('usr', { mode: 0o751, mtime: 7 }),
        dir('usr/lib'),
        dir('usr/gone'),
        file('usr/gone/file', 'x'),
        dir('usr/opaque'),
        file('usr/opaque/hidden', 'x'),
        dir('usr/opaque/deeper', { mode: 0o700 }),
        file('usr/opaque/deeper/hidden', 'x'),
        dir('usr/bin'),
        file('usr/bin/tool', noise(`tool ${version}`, 9000), {
          mode: 0o4755,
          xattrs: { 'security.capability': noise('cap', 20), 'user.b': 'b', 'user.a': 'a' },
        }),
        file('usr/bin/same', 'to be linked', { uid: 70_000, gid: 3_000_000_000, mtime: 1700000000.123456 }),
        dir(long),
        symlink(`${long}/link`, `../${'t'.repeat(150)}`),
        file(`${long}/${'n'.repeat(200)}`, 'long'),
        dir('usr/lib/replaced'),
        file('usr/lib/replaced/inside', 'x'),
        file('usr/lib/will-be-directory', 'x'),
        dir('usr/lib/ümläut'),
        file('usr/lib/ümläut/日本', 'utf-8'),
        dir('tmp', { mode: 0o1777 }),
        dir('run'),
        dir('boot'),
        dir('sysroot'),
      ],
    },
    {
      entries: [
        // Parents are missing.
        hardlink('usr/bin/other', 'usr/bin/same'),
        file('usr/lib/a.so', noise('a', 300_000)),
        file('usr/lib/b.so', noise('b', 300_000)),
      ].slice(1),
    },
    {
      entries: [
        // Others see this, OSTree does not.
        dir('usr', { mode: 0o700, uid: 9, mtime: 99.25, xattrs: { 'user.dir': '1' } }),
        whiteout('usr/gone'),
        dir('usr/opaque', { mode: 0o777 }),
        opaque('usr/opaque'),
        file('usr/opaque/new', 'new'),
        dir('usr/lib', { mtime: 3 }),
        file('usr/lib/replaced', 'now a file'),
        dir('usr/lib/will-be-directory', { uid: 1 }),
        file('usr/lib/will-be-directory/child', 'c'),
        file('usr/lib/one', 'linked', { mode: 0o600 }),
        hardlink('usr/lib/two', 'usr/lib/one'),
        hardlink('etc/three', 'usr/lib/one'),
        symlink('usr/lib/soft', 'one', { mode: 0o777 }),
        hardlink('usr/lib/soft-too', 'usr/lib/soft'),
        file('usr/lib/app', noise(`app ${version}`, 2000)),
      ],
    },
  ]
}

/** Many files of 40 packages. `changed` of them are of version 2. */
export function wideLayers(changed: ReadonlySet<number> = new Set()): LayerSpec[] {
  const entries = [
    ...dirs('usr', 'etc', 'boot', 'sysroot'),
    ...dirs('var', 'var/lib', 'var/lib/dpkg', 'var/lib/dpkg/info'),
  ]
  for (let d = 0; d < 40; d++) {
    entries.push(dir(`usr/d${d}`, { mtime: changed.size > 0 ? 2 : 1 }))
    const paths = Array.from({ length: 10 }, (_, f) => `/usr/d${d}/f${f}\n`)
    entries.push(file(`var/lib/dpkg/info/p${d}.list`, `/.\n/usr\n/usr/d${d}\n${paths.join('')}`))
    for (let f = 0; f < 10; f++) {
      const n = 10 * d + f
      const version = changed.has(n) ? 2 : 1
      entries.push(file(`usr/d${d}/f${f}`, noise(`${n} ${version}`, 3000 + 40 * n)))
    }
  }
  return [{ entries }]
}

export function image(layers: readonly LayerSpec[], labels: Record<string, string> = {}): BuiltImage {
  return buildImage({ labels: { 'containers.bootc': '1', ...labels }, layers })
}

export const registryRef = (name: string): ImageReference => ({ transport: 'registry', name })

/** A layout to write to, which goes with the test. */
export async function layout(): Promise<(tag: string) => ImageReference> {
  const path = await mkdtemp(join(tmpdir(), 'bootc-sdk-rechunk-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return (tag) => ({ transport: 'oci', name: `${path}:${tag}` })
}

export async function rechunk(
  source: BuiltImage,
  target: ImageReference,
  options: Partial<RechunkOptions> & { readonly from?: ImageReference } = {},
): Promise<RechunkResult> {
  const { from, ...rest } = options
  return rechunkImage({
    source: { transport: memoryTransport({ source }), reference: registryRef('source') },
    target: { destination: ociDestination(), reference: target },
    temporaryDir: tmpdir(),
    ...(from === undefined ? {} : { previous: { transport: ociTransport(), reference: from } }),
    ...rest,
  })
}

/** What both stores make of an image: checksums of its root, without its documents. */
export async function roots(
  place: BuiltImage | ImageReference,
): Promise<{ ostree: { tree: string; meta: string }; composefs: string }> {
  const isBuilt = 'manifestBytes' in place
  const transports = [isBuilt ? memoryTransport({ it: place }) : ociTransport()]
  const image = isBuilt ? registryRef('it') : place
  const repo = await initRepo(memoryDir(), 'bare-user')
  const composefs = composefsImageStore(
    await initComposefsRepo(memoryDir(), { algorithm: 'sha512', erofsVersion: 1, requireVerity: false }),
  )
  const pull = (store: Parameters<typeof pullImage>[0]['store']) =>
    pullImage({ transports, store, reference: image, timestamp: 1 })
  const merged = await repo.readCommit((await pull(ostreeImageStore(repo))).image.id)
  return {
    ostree: { tree: merged.rootTree, meta: merged.rootMeta },
    composefs: (await pull(composefs)).image.id,
  }
}
