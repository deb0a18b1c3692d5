import { describe, expect, test } from 'vitest'
import type { ImageStore } from '../../src/interfaces/index.js'
import {
  bootableImage,
  buildImage,
  dir,
  file,
  memoryBoundImages,
  memoryTransport,
  symlink,
  type BuiltImage,
} from '../../src/testing/index.js'
import { machine, stable, type Machine } from './machine.js'

const units = 'usr/share/containers/systemd'

/** A system that is bound to images, by their names. */
function boundTo(version: number, images: readonly string[]): BuiltImage {
  return bootableImage({
    version,
    compression: 'none',
    extraLayers: [
      {
        entries: [
          ...['usr/share/containers', units, 'usr/lib/bootc/bound-images.d'].map((path) => dir(path)),
          ...images.flatMap((name, index) => [
            file(`${units}/${index}.image`, `[Image]\nImage=${name}\n`),
            symlink(`usr/lib/bootc/bound-images.d/${index}.image`, `/${units}/${index}.image`),
          ]),
        ],
      },
    ],
  })
}

const app = (text: string, architecture = 'amd64') =>
  buildImage({ architecture, layers: [{ entries: [file('app', text)], compression: 'none' }] })

const a1 = 'registry.example/a:1'
const a2 = 'registry.example/a:2'
const b1 = 'registry.example/b:1'

/** Running version 1, bound to `a:1`. */
async function boundMachine(): Promise<Machine> {
  const m = await machine({ parts: { boundImages: memoryBoundImages() } })
  m.transport.images.set(stable.image.name, boundTo(1, [a1]))
  for (const name of [a1, a2, b1]) m.transport.images.set(name, app(name))
  await m.bootc.install({ source: stable, kargs: { root: ['rw'] }, boundImages: 'pull' })
  await m.reboot()
  return m
}

async function storeOf(m: Machine): Promise<ImageStore> {
  return (await memoryBoundImages().open(m.sysroot))!
}

async function boundNames(m: Machine): Promise<string[]> {
  const store = await storeOf(m)
  const found: string[] = []
  for (const name of [a1, a2, b1]) {
    if ((await store.lookup({ transport: 'registry', name })) !== undefined) found.push(name)
  }
  return found
}

describe('bound images', () => {
  test('an upgrade fetches those that are missing before it stages, and tells which', async () => {
    const m = await boundMachine()
    expect(await boundNames(m)).toEqual([a1])
    m.transport.images.set(stable.image.name, boundTo(2, [a1, a2, a2, b1]))
    const steps: string[] = []
    const result = await m.bootc.upgrade({
      onProgress: (event) => {
        if (event.type === 'stage:step') steps.push(`${event.detail.step} ${event.detail.done}`)
      },
    })
    expect(result.outcome).toBe('staged')
    expect(result.boundImages?.images.map(({ image, fetched }) => [image, fetched])).toEqual([
      [a1, false],
      [a2, true],
      [b1, true],
    ])
    expect(result.boundImages?.bytesFetched).toBeGreaterThan(0)
    expect(steps.slice(0, 3)).toEqual(['bound_images false', 'bound_images true', 'deploying false'])
    expect(await boundNames(m)).toEqual([a1, a2, b1])
  })

  test('one that cannot be fetched fails the upgrade, and what boots next stays what it was', async () => {
    const m = await boundMachine()
    const before = await m.bootc.status()
    m.transport.images.set(stable.image.name, boundTo(2, [b1, 'registry.example/missing:1']))
    await expect(m.bootc.upgrade()).rejects.toMatchObject({
      code: 'DEPLOY_BOUND_IMAGE',
      details: { image: 'registry.example/missing:1', file: '1.image', reason: 'TRANSPORT_NOT_FOUND' },
    })
    expect(await m.bootc.status()).toEqual(before)
    expect((await m.reboot()).version).toBe('1')
    // Once it is there, the same upgrade goes through, with what arrived the first time.
    m.transport.images.set('registry.example/missing:1', app('missing'))
    const { boundImages } = await m.bootc.upgrade()
    expect(boundImages?.images.map(({ fetched }) => fetched)).toEqual([false, true])
  })

  test('a unit that cannot be understood fails the upgrade before anything is deployed', async () => {
    const m = await boundMachine()
    m.transport.images.set(stable.image.name, boundTo(2, ['registry.example/%a:1']))
    await expect(m.bootc.upgrade()).rejects.toMatchObject({ code: 'IMAGE_BOUND_INVALID' })
    expect((await m.bootc.status()).staged).toBeUndefined()
  })

  test('images stay as long as a deployment is bound to them, and go with the last', async () => {
    const m = await boundMachine()
    m.transport.images.set(stable.image.name, boundTo(2, [a2]))
    await m.bootc.upgrade()
    await m.reboot()
    expect(await boundNames(m), 'the rollback deployment keeps its own').toEqual([a1, a2])
    m.transport.images.set(stable.image.name, boundTo(3, [b1]))
    await m.bootc.upgrade()
    expect(await boundNames(m), 'all three are there while the third waits').toEqual([a1, a2, b1])
    await m.reboot()
    await m.bootc.prune()
    expect(await boundNames(m)).toEqual([a2, b1])
  })

  test('a pinned deployment keeps its own', async () => {
    const m = await boundMachine()
    await m.bootc.pin((await m.bootc.status()).booted!.id, true)
    for (const [version, name] of [
      [2, a2],
      [3, b1],
    ] as const) {
      m.transport.images.set(stable.image.name, boundTo(version, [name]))
      await m.bootc.upgrade()
      await m.reboot()
    }
    await m.bootc.prune()
    expect(await boundNames(m)).toEqual([a1, a2, b1])
  })

  test('what is there is not looked for again, though its tag has moved on', async () => {
    const m = await boundMachine()
    m.transport.images.set(a1, app('newer'))
    m.transport.images.set(stable.image.name, boundTo(2, [a1]))
    const { boundImages } = await m.bootc.upgrade()
    expect(boundImages?.images).toMatchObject([{ fetched: false, manifestDigest: app(a1).manifestDigest }])
  })

  test('a digest is fetched as such', async () => {
    const m = await boundMachine()
    const pinned = `registry.example/a@${app('pinned').manifestDigest}`
    m.transport.images.set(pinned, app('pinned'))
    m.transport.images.set(stable.image.name, boundTo(2, [pinned]))
    const { boundImages } = await m.bootc.upgrade()
    expect(boundImages?.images).toMatchObject([
      { fetched: true, manifestDigest: app('pinned').manifestDigest },
    ])
  })

  test('install takes them from this machine by default, from their registry, or leaves them out', async () => {
    const local = memoryTransport({ [a1]: app('local') }, { transports: ['containers-storage'] })
    for (const [mode, text] of [
      [undefined, 'local'],
      ['stored', 'local'],
      ['pull', a1],
      ['skip', undefined],
    ] as const) {
      const m = await machine({ parts: { boundImages: memoryBoundImages() } })
      m.transport.images.set(stable.image.name, boundTo(1, [a1]))
      m.transport.images.set(a1, app(a1))
      const own = await machine({
        sysroot: m.sysroot,
        parts: { boundImages: memoryBoundImages(), transports: [m.transport, local] },
      })
      const result = await own.bootc.install({
        source: stable,
        ...(mode === undefined ? {} : { boundImages: mode }),
      })
      if (text === undefined) {
        expect(result.boundImages).toBeUndefined()
        expect(await memoryBoundImages().open(m.sysroot)).toBeUndefined()
      } else {
        expect(result.boundImages?.images).toMatchObject([{ manifestDigest: app(text).manifestDigest }])
      }
    }
  })

  test('install of one that this machine does not have fails before anything boots', async () => {
    const none = memoryTransport({}, { transports: ['containers-storage'] })
    const m = await machine({ parts: { boundImages: memoryBoundImages() } })
    m.transport.images.set(stable.image.name, boundTo(1, [a1]))
    const own = await machine({
      sysroot: m.sysroot,
      parts: { boundImages: memoryBoundImages(), transports: [m.transport, none] },
    })
    await expect(own.bootc.install({ source: stable })).rejects.toMatchObject({ code: 'DEPLOY_BOUND_IMAGE' })
    expect((await own.bootc.status()).order).toEqual([])
  })

  test('without a place for them an image that asks for some is refused, and others are not', async () => {
    const m = await machine()
    await m.bootc.install({ source: stable })
    m.transport.images.set(stable.image.name, boundTo(2, [a1]))
    await expect(m.bootc.upgrade()).rejects.toMatchObject({
      code: 'DEPLOY_BOUND_STORE',
      details: { images: [a1] },
    })
  })

  test('aborting while they are fetched rejects with the reason and stages nothing', async () => {
    const m = await boundMachine()
    m.transport.images.set(stable.image.name, boundTo(2, [a2, b1]))
    const controller = new AbortController()
    const reason = new Error('enough')
    const upgrade = m.bootc.upgrade({
      signal: controller.signal,
      onProgress: (event) => {
        if (event.type === 'stage:step' && event.detail.step === 'bound_images') controller.abort(reason)
      },
    })
    await expect(upgrade).rejects.toBe(reason)
    expect((await m.bootc.status()).staged).toBeUndefined()
  })
})
