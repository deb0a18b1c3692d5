import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { lstatSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { imageStoreSuite } from '@bootc-sdk/conformance'
import { pullImage } from '@bootc-sdk/core'
import { ociTransport } from '@bootc-sdk/core/transports'
import { nodeDir } from '@bootc-sdk/core/node'
import {
  buildImage,
  dir as directory,
  file,
  hardlink,
  opaque,
  symlink as link,
  whiteout,
  type BuiltImage,
} from '@bootc-sdk/core/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { containersImageStore, containersStorageTransport } from '../src/index.js'
import { reason, why } from './with-skopeo.js'

/** All that makes a layer more than a few files. */
const odd = buildImage({
  layers: [
    {
      entries: [
        directory('usr', { mode: 0o755 }),
        directory('usr/lib', { mtime: 12345 }),
        file('usr/lib/a', 'a'.repeat(3_000_000)),
        link('lib', 'usr/lib'),
        file('lib/through-link', 'written below usr/lib'),
        file('usr/lib/\u00e4\u0142<&>', 'x'),
        file('usr/lib/\udce4\udcff', 'bytes that are not UTF-8'),
        hardlink('usr/lib/b', 'usr/lib/a'),
        file('usr/empty', ''),
        file('usr/su', 'su', { mode: 0o4755, uid: 10, gid: 20 }),
        file('usr/capable', 'c', { xattrs: { 'security.capability': capability(), 'user.x': 'y' } }),
        directory('usr/o'),
        file('usr/o/old', 'old'),
        directory('usr/gone'),
        file('usr/gone/x', 'x'),
        file(`usr/${'long/'.repeat(30)}name`, 'deep'),
      ],
    },
    {
      compression: 'zstd',
      entries: [
        directory('usr'),
        whiteout('usr/lib/b'),
        whiteout('usr/gone'),
        directory('usr/o'),
        opaque('usr/o'),
        file('usr/o/new', 'new'),
      ],
    },
    { compression: 'none', entries: [directory('usr'), file('usr/third', '3')] },
  ],
})

/** cap_net_raw=ep. */
function capability(): Uint8Array {
  return Buffer.from('0100000200200000000000000000000000000000', 'hex')
}

const reference = { transport: 'registry', name: 'localhost/os:odd' } as const

let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'storage-write-'))
})
afterAll(async () => {
  for (const name of readdirSync(dir)) spawnSync('umount', [join(dir, name, 'overlay')])
  await rm(dir, { recursive: true, force: true })
})

async function storeOf(name: string, built: BuiltImage = odd) {
  const root = join(dir, name)
  await mkdir(root, { recursive: true })
  const store = containersImageStore(nodeDir(root))
  await built.writeOciLayout(join(dir, `${name}-oci`), 'it')
  const { image } = await pullImage({
    transports: [ociTransport()],
    store,
    reference: { transport: 'oci', name: `${dir}/${name}-oci:it` },
    target: reference,
    platform: { architecture: 'amd64', os: 'linux' },
    timestamp: 1_700_000_000,
  })
  return { root, store, image, place: `[overlay@${root}+${dir}/run-${name}]` }
}

function skopeo(...args: readonly string[]): string {
  return execFileSync('skopeo', ['--insecure-policy', ...args], { encoding: 'utf8' })
}

/** A store that skopeo wrote itself. */
async function theirs(name: string): Promise<string> {
  await odd.writeOciLayout(join(dir, `oci-${name}`), 'odd')
  const root = join(dir, name)
  skopeo(
    'copy',
    '-q',
    `oci:${dir}/oci-${name}:odd`,
    `containers-storage:[overlay@${root}+${dir}/run]localhost/os:odd`,
  )
  spawnSync('umount', [join(root, 'overlay')])
  return root
}

/** What is in a directory, attributes included. */
function listing(root: string): string[] {
  const script = String.raw`find . -printf '%P %y %m %U %G %s %n %l\n' | LC_ALL=C sort; getfattr -h -d -m - -R . 2>/dev/null | sed 's/^# file: //'`
  return execFileSync('bash', ['-c', script], { cwd: root, encoding: 'latin1' }).split('\n')
}

describe.skipIf(why !== undefined)(`storage for the real skopeo${reason}`, () => {
  test('skopeo copies the image out: same config, same layers, same manifest digest', async () => {
    const { place } = await storeOf('out')
    const out = join(dir, 'out-dir')
    const target = `dir:${out}`
    skopeo('copy', '-q', `containers-storage:${place}localhost/os:odd`, target)
    const manifest = JSON.parse(readFileSync(join(out, 'manifest.json'), 'utf8')) as {
      config: { digest: string }
      layers: { digest: string }[]
    }
    expect(manifest.config.digest).toBe(odd.configDigest)
    expect(manifest.layers.map(({ digest }) => digest)).toEqual(odd.layers.map(({ diffId }) => diffId))
    for (const { diffId, tar } of odd.layers) {
      expect(readFileSync(join(out, diffId.slice('sha256:'.length))).equals(tar)).toBe(true)
    }
    const shown = skopeo('inspect', `containers-storage:${place}localhost/os:odd`)
    expect((JSON.parse(shown) as { Digest: string }).Digest).toBe(odd.manifestDigest)
  })

  test('our own reader finds the image under its digest, with the same tars', async () => {
    const { place } = await storeOf('own')
    const transport = containersStorageTransport()
    const resolved = await transport.resolve({
      transport: 'containers-storage',
      name: `${place}localhost/os:odd`,
    })
    expect(resolved.manifestDigest).toBe(odd.manifestDigest)
    for (const [index, layer] of resolved.manifest.layers.entries()) {
      const chunks: Uint8Array[] = []
      for await (const chunk of transport.openLayer(resolved, layer)) chunks.push(chunk)
      expect(Buffer.concat(chunks).equals(odd.layers[index]!.tar)).toBe(true)
    }
  })

  test('ids, records, files and attributes are those that skopeo makes', async () => {
    const [mine, other] = [(await storeOf('mine')).root, await theirs('theirs')]
    const layers = (root: string) =>
      (
        JSON.parse(readFileSync(join(root, 'overlay-layers/layers.json'), 'utf8')) as { created: string }[]
      ).map(({ created: _, ...layer }) => layer)
    expect(layers(mine)).toEqual(layers(other))
    const image = (root: string) =>
      (
        JSON.parse(readFileSync(join(root, 'overlay-images/images.json'), 'utf8')) as Record<
          string,
          unknown
        >[]
      ).map(({ created: _, ...record }) => ({
        ...record,
        'big-data-names': [...(record['big-data-names'] as string[])].sort(),
      }))
    expect(image(mine)).toEqual(image(other))
    for (const { id } of layers(mine) as unknown as { id: string }[]) {
      expect(listing(join(mine, 'overlay', id, 'diff'))).toEqual(listing(join(other, 'overlay', id, 'diff')))
      const split = (root: string) =>
        execFileSync('zcat', [join(root, 'overlay-layers', `${id}.tar-split.gz`)], { encoding: 'utf8' })
          .split('\n')
          .filter((line) => line.startsWith('{"type":1'))
          .map((line) => JSON.parse(line) as unknown)
      expect(split(mine)).toEqual(split(other))
    }
    expect(readdirSync(join(mine, `overlay-images/${odd.configDigest.slice(7)}`))).toEqual(
      readdirSync(join(other, `overlay-images/${odd.configDigest.slice(7)}`)),
    )
  })

  test('overlayfs shows what the layers say', async () => {
    const { root, image } = await storeOf('mount')
    const target = join(dir, 'mounted')
    await mkdir(target)
    const lower = image.layers
      .map(({ id }) => `l/${readFileSync(join(root, 'overlay', id, 'link'), 'utf8')}`)
      .reverse()
      .join(':')
    const top = image.layers.at(-1)!
    expect(
      `l/${readFileSync(join(root, 'overlay', top.id, 'link'), 'utf8')}:${readFileSync(join(root, 'overlay', top.id, 'lower'), 'utf8')}`,
    ).toBe(lower)
    const mounted = spawnSync('mount', ['-t', 'overlay', 'overlay', '-o', `ro,lowerdir=${lower}`, target], {
      cwd: join(root, 'overlay'),
      encoding: 'utf8',
    })
    // Containers without the right to mount: nothing to see here.
    if (mounted.status !== 0 && !process.env['CI']) return
    expect(mounted.stderr).toBe('')
    try {
      expect(readdirSync(join(target, 'usr')).sort()).toEqual([
        'capable',
        'empty',
        'lib',
        'long',
        'o',
        'su',
        'third',
      ])
      expect(readdirSync(join(target, 'usr/o'))).toEqual(['new'])
      expect(readdirSync(join(target, 'usr/lib'))).not.toContain('b')
      expect(lstatSync(join(target, 'usr/su')).mode & 0o7777).toBe(0o4755)
    } finally {
      spawnSync('umount', [target])
    }
  })

  test('it serves as an additional store, also when it cannot be written', async () => {
    const { root } = await storeOf('extra')
    const conf = join(dir, 'storage.conf')
    const text = `[storage]\ndriver = "overlay"\ngraphroot = "${dir}/main"\nrunroot = "${dir}/run-main"\n[storage.options]\nadditionalimagestores = ["${root}"]\n`
    execFileSync('bash', ['-c', `cat > ${conf}`], { input: text })
    const env = { ...process.env, CONTAINERS_STORAGE_CONF: conf }
    const run = `mount --bind ${root} ${root} 2>/dev/null && mount -o remount,bind,ro ${root}; exec skopeo --insecure-policy copy -q containers-storage:localhost/os:odd dir:${dir}/extra-out`
    execFileSync('unshare', ['-m', 'bash', '-c', run], { env })
    const manifest = JSON.parse(readFileSync(join(dir, 'extra-out/manifest.json'), 'utf8')) as {
      config: { digest: string }
    }
    expect(manifest.config.digest).toBe(odd.configDigest)
  })

  test('other programs that hold a list\u2019s lock are waited for, and see that it changed', async () => {
    const { root } = await storeOf('locked')
    const lock = join(root, 'overlay-layers/layers.lock')
    const [before, inode] = [readFileSync(lock), lstatSync(lock).ino]
    // POSIX locks, as podman takes them.
    const script =
      'import fcntl,sys,time; f=open(sys.argv[1],"r+b"); fcntl.lockf(f,fcntl.LOCK_EX); print(1,flush=True); sys.stdin.read()'
    const holder = spawn('python3', ['-c', script, lock], { stdio: ['pipe', 'pipe', 'inherit'] })
    await once(holder.stdout, 'data')
    let done = false
    const pruned = containersImageStore(nodeDir(root)).prune(new Set())
    void pruned.finally(() => (done = true))
    await sleep(300)
    expect(done).toBe(false)
    holder.stdin.end()
    expect(await pruned).toMatchObject({ images: 1, layers: 3 })
    expect(lstatSync(lock).ino).toBe(inode)
    expect(readFileSync(lock).length).toBe(64)
    expect(readFileSync(lock).equals(before)).toBe(false)
  })

  test('skopeo adds to the store, and we remove from what it made', async () => {
    const { root, place, store } = await storeOf('shared')
    const more = buildImage({
      layers: [{ entries: odd.layers[0] === undefined ? [] : [directory('opt'), file('opt/x', 'x')] }],
    })
    await more.writeOciLayout(join(dir, 'oci-more'), 'more')
    skopeo('copy', '-q', `oci:${dir}/oci-more:more`, `containers-storage:${place}localhost/more:1`)
    spawnSync('umount', [join(root, 'overlay')])
    const found = await store.lookup({ transport: 'registry', name: 'localhost/more:1' })
    expect(found?.manifestDigest).toBe(more.manifestDigest)
    const pruned = await store.prune(new Set([odd.manifestDigest]))
    expect(pruned).toMatchObject({ images: 1, layers: 1 })
    expect(readdirSync(join(root, 'overlay/l')).length).toBe(3)
    skopeo('inspect', `containers-storage:${place}localhost/os:odd`)
    expect(() => skopeo('inspect', `containers-storage:${place}localhost/more:1`)).toThrow(
      /identifier|not resolve|does not/,
    )
  })
})

if (why === undefined) {
  imageStoreSuite({
    name: 'containers-storage on disk',
    test,
    describe,
    create: async () => {
      const root = await mkdtemp(join(tmpdir(), 'storage-suite-'))
      const store = () => containersImageStore(nodeDir(root))
      return {
        store: store(),
        reopen: async () => store(),
        dispose: () => rm(root, { recursive: true, force: true }),
      }
    },
  })
}
