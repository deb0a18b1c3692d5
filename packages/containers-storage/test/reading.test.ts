import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm, symlink, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BuiltImage } from '@bootc-sdk/core/testing'
import {
  bootableImage,
  dir as directory,
  file,
  buildImage,
  hardlink,
  symlink as link,
  whiteout,
} from '@bootc-sdk/core/testing'
import { transportSuite } from '@bootc-sdk/conformance'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { containersStorageTransport } from '../src/index.js'
import { reason, why } from './with-skopeo.js'

const image = bootableImage({ version: 1 })
/** What makes tar and files differ: links on the way, names that are not UTF-8, whiteouts, two names of one file. */
const odd = buildImage({
  layers: [
    {
      entries: [
        directory('usr'),
        directory('usr/lib'),
        file('usr/lib/a', 'a'.repeat(3_000_000)),
        link('lib', 'usr/lib'),
        file('usr/lib/\u00e4\u0142', 'x'),
        file('usr/lib/\udce4\udcff', 'bytes that are not UTF-8'),
        hardlink('usr/lib/b', 'usr/lib/a'),
        file('usr/empty', ''),
      ],
    },
    { entries: [directory('usr'), directory('usr/lib'), whiteout('usr/lib/b'), file('usr/lib/c', 'c')] },
  ],
})

let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'storage-'))
  if (why !== undefined) return
  await image.writeOciLayout(join(dir, 'oci'), 'one')
  await odd.writeOciLayout(join(dir, 'oci'), 'odd')
  for (const driver of ['overlay', 'vfs']) {
    store(driver, 'main', 'one', 'localhost/os:one')
    store(driver, 'main', 'odd', 'localhost/os:odd')
  }
})
afterAll(async () => {
  // skopeo binds the directory to itself.
  spawnSync('umount', [join(dir, 'overlay-main/overlay')])
  await rm(dir, { recursive: true, force: true })
})

function store(driver: string, name: string, tag: string, as: string): void {
  const target = `containers-storage:[${place(driver, name)}]${as}`
  execFileSync('skopeo', ['--insecure-policy', 'copy', '-q', `oci:${dir}/oci:${tag}`, target])
}

function place(driver: string, name: string): string {
  return `${driver}@${dir}/${driver}-${name}+${dir}/run`
}

const named = (name: string) => ({ transport: 'containers-storage', name }) as const

async function tars(name: string, transport = containersStorageTransport()) {
  const resolved = await transport.resolve(named(name))
  const out: Buffer[] = []
  for (const layer of resolved.manifest.layers) {
    const chunks: Uint8Array[] = []
    for await (const chunk of transport.openLayer(resolved, layer)) chunks.push(chunk)
    out.push(Buffer.concat(chunks))
  }
  return { resolved, tars: out }
}

function sameTars(found: readonly Buffer[], expected: BuiltImage): void {
  expect(found.length).toBe(expected.layers.length)
  for (const [index, tar] of found.entries()) expect(tar.equals(expected.layers[index]!.tar)).toBe(true)
}

describe.skipIf(why !== undefined)(`storage written by skopeo${reason}`, () => {
  describe.each(['overlay', 'vfs'])('%s', (driver) => {
    test('layers are the tars that went in, under the manifest that was pulled', async () => {
      const one = await tars(`[${place(driver, 'main')}]localhost/os:one`)
      expect(one.resolved.manifestDigest).toBe(image.manifestDigest)
      sameTars(one.tars, image)
      const { resolved, tars: found } = await tars(`[${place(driver, 'main')}]localhost/os:odd`)
      expect(resolved.configDigest).toBe(odd.configDigest)
      sameTars(found, odd)
    })

    test('an image is found by id, by the beginning of its id, and by digest', async () => {
      const id = image.configDigest.slice('sha256:'.length)
      const at = (rest: string) => `[${place(driver, 'main')}]${rest}`
      const names = [
        `@${id}`,
        id,
        `@${id.slice(0, 8)}`,
        `localhost/os:one@${id}`,
        `localhost/os@${image.manifestDigest}`,
      ]
      for (const name of names) {
        const { manifestDigest } = await containersStorageTransport().resolve(named(at(name)))
        expect(manifestDigest, name).toBe(image.manifestDigest)
      }
      for (const name of [
        'localhost/os:none',
        `@${'0'.repeat(64)}`,
        `localhost/other@${image.manifestDigest}`,
      ]) {
        await expect(containersStorageTransport().resolve(named(at(name))), name).rejects.toMatchObject({
          code: 'TRANSPORT_NOT_FOUND',
        })
      }
    })
  })

  test('a store that storage.conf adds is searched after the main one', async () => {
    const conf = { graphRoot: join(dir, 'none'), additionalStores: [join(dir, 'overlay-main')] }
    sameTars((await tars('localhost/os:one', containersStorageTransport({ conf }))).tars, image)
  })

  test('a file that was changed, or is a link now, is an error and not another layer', async () => {
    store('vfs', 'damaged', 'odd', 'localhost/os:odd')
    const name = `[${place('vfs', 'damaged')}]localhost/os:odd`
    const root = join(dir, 'vfs-damaged')
    const layers = JSON.parse(await readFile(join(root, 'vfs-layers/layers.json'), 'utf8')) as {
      id: string
    }[]
    const path = join(root, 'vfs/dir', layers[0]!.id, 'usr/lib/a')
    await writeFile(path, 'short')
    await expect(tars(name)).rejects.toMatchObject({ code: 'IMAGE_LAYOUT_INVALID' })
    await unlink(path)
    await symlink('/etc/passwd', path)
    await expect(tars(name)).rejects.toMatchObject({ code: 'IMAGE_LAYOUT_INVALID' })
  })
})

test.each([
  ['[overlay@relative]localhost/a', 'IMAGE_REFERENCE_INVALID'],
  ['localhost/a@nonsense', 'IMAGE_REFERENCE_INVALID'],
  ['[btrfs@/none]localhost/a', 'IMAGE_LAYOUT_INVALID'],
  ['[overlay@/none]localhost/a:1', 'TRANSPORT_NOT_FOUND'],
])('%s is refused with %s', async (name, code) => {
  await expect(containersStorageTransport().resolve(named(name))).rejects.toMatchObject({ code })
})

if (why === undefined) {
  transportSuite({
    name: 'containers-storage',
    test,
    describe,
    create: async ({ one, two }) => {
      const place = await mkdtemp(join(tmpdir(), 'storage-suite-'))
      const prefix = `[vfs@${place}/root+${place}/run]localhost/a`
      for (const [tag, built] of Object.entries({ one, two })) {
        await built.writeOciLayout(join(place, 'oci'), tag)
        const target = `containers-storage:${prefix}:${tag}`
        execFileSync('skopeo', ['--insecure-policy', 'copy', '-q', `oci:${place}/oci:${tag}`, target])
      }
      return {
        transport: containersStorageTransport(),
        references: {
          one: named(`${prefix}:one`),
          two: named(`${prefix}:two`),
          missing: named(`${prefix}:missing`),
        },
        dispose: () => rm(place, { recursive: true, force: true }),
      }
    },
  })
}
