import { type ImageTransport, parseImageReference, type ResolvedImage } from '@bootc-sdk/core'
import { expect, test } from 'vitest'
import { resolveOnce } from '../../src/install/resolve-once.js'

/** One that has everything that a transport can have. */
class Everything implements Required<ImageTransport> {
  readonly name = 'everything'
  readonly transports = ['registry'] as const
  readonly supports = { range: true, localTree: true }
  readonly asked: string[] = []
  resolve = () => this.#note('resolve', { manifestDigest: `sha256:${this.asked.length}` } as ResolvedImage)
  openLayer = () => {
    this.asked.push('openLayer')
    return [] as unknown as ReturnType<ImageTransport['openLayer']>
  }
  forgetLayer = () => this.#note('forgetLayer', undefined)
  openLocalTree = () => this.#note('openLocalTree', {} as never)
  signatures = () => this.#note('signatures', [])
  openRaw = () => this.#note('openRaw', {} as never)
  askDigest = () => this.#note('askDigest', undefined)

  #note<T>(name: string, answer: T): Promise<T> {
    this.asked.push(name)
    return Promise.resolve(answer)
  }
}

const reference = parseImageReference('registry:registry.example/os:1')

test('a tag that moves is asked for once', async () => {
  const transport = new Everything()
  const [once] = resolveOnce([transport])
  expect(await once!.resolve(reference)).toBe(await once!.resolve(reference))
  expect(transport.asked).toEqual(['resolve'])
})

test('whatever else a transport can do is still there: signatures, above all', async () => {
  const transport = new Everything()
  const [once] = resolveOnce([transport])
  const image = await once!.resolve(reference)
  once!.openLayer(image, {} as never)
  await once!.forgetLayer!({} as never)
  await once!.openLocalTree!(image, 'sha256:0')
  expect(await once!.signatures!(image)).toEqual([])
  await once!.openRaw!(reference)
  await once!.askDigest!(reference)
  const methods = [
    'resolve',
    'openLayer',
    'forgetLayer',
    'openLocalTree',
    'signatures',
    'openRaw',
    'askDigest',
  ]
  expect(transport.asked).toEqual(methods)
})
