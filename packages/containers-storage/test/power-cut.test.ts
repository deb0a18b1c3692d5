import { pullImage, type Dir, type ImageReference } from '@bootc-sdk/core'
import {
  buildImage,
  dir as directory,
  file,
  memoryDir,
  memoryTransport,
  opaque,
  powerCutDir,
  PowerCut,
  readAll,
  readText,
  whiteout,
} from '@bootc-sdk/core/testing'
import { expect, test } from 'vitest'
import { containersImageStore } from '../src/index.js'

const base = { entries: [directory('usr'), file('usr/a', 'a'), directory('usr/o'), file('usr/o/x', 'x')] }
const first = buildImage({
  layers: [
    base,
    {
      entries: [directory('usr'), whiteout('usr/a'), directory('usr/o'), opaque('usr/o'), file('usr/b', 'b')],
    },
  ],
})
const second = buildImage({ layers: [base, { entries: [directory('usr'), file('usr/c', 'c')] }] })
const names = { first: 'registry.test/app:1', second: 'registry.test/app:2' } as const
const references = Object.fromEntries(
  Object.entries(names).map(([key, name]) => [key, { transport: 'registry', name }]),
) as unknown as Record<keyof typeof names, ImageReference>

function pull(dir: Dir, which: keyof typeof names) {
  const transport = memoryTransport({ [names.first]: first, [names.second]: second })
  return pullImage({
    transports: [transport],
    store: containersImageStore(dir),
    reference: references[which],
    platform: { architecture: 'amd64', os: 'linux' },
    timestamp: 1_700_000_000,
  })
}

/** All that the lists name is there and whole, for somebody who reads them without us. */
async function checkWhole(dir: Dir, hint: string): Promise<string[]> {
  const json = async (path: string) =>
    (await dir.stat(path)) === undefined
      ? []
      : (JSON.parse(Buffer.from(await readAll(dir, path)).toString() || '[]') as Record<string, unknown>[])
  const layers = await json('overlay-layers/layers.json')
  const ids = new Set(layers.map(({ id }) => id as string))
  for (const { id, parent } of layers as { id: string; parent?: string }[]) {
    if (parent !== undefined) expect(ids.has(parent), `${hint}: parent of ${id}`).toBe(true)
    const link = await readText(dir, `overlay/${id}/link`)
    expect(await dir.readlink(`overlay/l/${link}`), hint).toBe(`../${id}/diff`)
    if (parent !== undefined) {
      const above = await readText(dir, `overlay/${parent}/link`)
      expect(await readText(dir, `overlay/${id}/lower`), hint).toBe(`l/${above}`)
    }
    expect((await dir.stat(`overlay/${id}/diff`))?.type, hint).toBe('directory')
  }
  const store = containersImageStore(dir)
  const found: string[] = []
  for await (const image of store.list()) {
    found.push(image.reference?.name ?? '')
    const built = [first, second].find(({ manifestDigest }) => manifestDigest === image.manifestDigest)!
    for (const index of image.layers.keys()) {
      const chunks: Uint8Array[] = []
      for await (const chunk of store.readLayer!(image, index)) chunks.push(chunk)
      expect(Buffer.concat(chunks).equals(built.layers[index]!.tar), `${hint}: layer ${index}`).toBe(true)
    }
  }
  return found.sort()
}

test.each([
  ['the first import', [], 'first', [[], [names.first]]],
  ['a second image on the same base', ['first'], 'second', [[names.first], [names.first, names.second]]],
] as const)(
  'a power cut at any write of %s leaves the old images or the new one too, whole',
  async (_, before, which, allowed) => {
    const start = memoryDir()
    for (const name of before) await pull(start, name)
    let finished = false
    for (let writes = 0; !finished; writes++) {
      const { dir, supply, survivors } = powerCutDir(start.snapshot())
      supply.cutAfter(writes)
      try {
        await pull(dir, which)
        finished = true
      } catch (error) {
        if (!supply.isCut) throw error
        expect(rootOf(error)).toBeInstanceOf(PowerCut)
      }
      for (const { name, dir: survivor } of await survivors({ seed: writes, random: 1 })) {
        const hint = `${writes} writes, ${name}, before: ${supply.log.at(-1)}`
        const found = await checkWhole(survivor, hint)
        expect(
          allowed.map((names) => names.join()),
          hint,
        ).toContain(found.join())
        if (writes % 5 > 0) continue
        await pull(survivor, which)
        expect(await checkWhole(survivor, `${hint}, again`)).toEqual([...allowed[1]])
      }
    }
  },
  300_000,
)

test('a power cut at any write of a clean-up leaves what is kept whole', async () => {
  const start = memoryDir()
  await pull(start, 'first')
  await pull(start, 'second')
  let finished = false
  for (let writes = 0; !finished; writes++) {
    const { dir, supply, survivors } = powerCutDir(start.snapshot())
    supply.cutAfter(writes)
    try {
      await containersImageStore(dir).prune(new Set([second.manifestDigest]))
      finished = true
    } catch (error) {
      if (!supply.isCut) throw error
    }
    for (const { name, dir: survivor } of await survivors({ seed: writes, random: 1 })) {
      const hint = `${writes} writes, ${name}`
      expect(await checkWhole(survivor, hint)).toContain(names.second)
      await containersImageStore(survivor).prune(new Set([second.manifestDigest]))
      expect(await checkWhole(survivor, hint)).toEqual([names.second])
      const left: string[] = []
      for await (const entry of survivor.list('overlay')) left.push(entry.name)
      expect(left.length, hint).toBe(3)
    }
  }
}, 300_000)

function rootOf(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? rootOf(error.cause) : error
}
