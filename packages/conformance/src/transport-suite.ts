import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { Descriptor, ImageReference, ImageTransport, ResolvedImage } from '@bootc-sdk/core'
import { buildImage, dir, file, type BuiltImage } from '@bootc-sdk/core/testing'
import { bytesOf, isPlainData, methodMatches, rejectsWith, rejectsWithReason } from './checks.js'
import { group, type Runner } from './runner.js'

export interface TransportSuiteOptions extends Runner {
  /** For test names. */
  readonly name: string
  /** Make these images available where the transport looks; their names are up to you. */
  readonly create: (images: Readonly<Record<'one' | 'two', BuiltImage>>) => Promise<{
    readonly transport: ImageTransport
    readonly references: Readonly<Record<'one' | 'two' | 'missing', ImageReference>>
    readonly dispose?: () => Promise<void>
  }>
  /** False for transports that repack layers or manifests (`docker-archive`); default true. */
  readonly keepsBytes?: boolean
}

/** Resolve and read: what core relies on in a source of images. */
export function transportSuite(options: TransportSuiteOptions): void {
  const { keepsBytes = true } = options
  const images = { one: imageOf('one'), two: imageOf('two') }
  type Bench = Awaited<ReturnType<typeof options.create>>
  const test = (title: string, run: (bench: Bench) => Promise<void>) =>
    options.test(title, async () => {
      const bench = await options.create(images)
      try {
        await run(bench)
      } finally {
        await bench.dispose?.()
      }
    })

  group(options, `${options.name}: transport`, () => {
    test('methods are there exactly when they are claimed', async ({ transport, references }) => {
      methodMatches(transport.supports.localTree, transport.openLocalTree, 'openLocalTree')
      assert.ok(transport.transports.includes(references.one.transport))
    })

    test('resolving gives manifest and config with the bytes that were hashed', async (bench) => {
      for (const which of ['one', 'two'] as const) {
        const resolved = await bench.transport.resolve(bench.references[which])
        assert.equal(sha256(resolved.manifestBytes), resolved.manifestDigest)
        assert.equal(sha256(resolved.configBytes), resolved.configDigest)
        assert.deepEqual(JSON.parse(Buffer.from(resolved.manifestBytes).toString()), resolved.manifest)
        assert.equal(resolved.manifest.config.digest, resolved.configDigest)
        assert.equal(resolved.manifest.layers.length, 2)
        assert.deepEqual(
          resolved.config.rootfs.diff_ids,
          images[which].layers.map(({ diffId }) => diffId),
        )
        assert.deepEqual(resolved.reference, bench.references[which])
        isPlainData(resolved.manifest)
        if (keepsBytes) assert.equal(resolved.manifestDigest, images[which].manifestDigest)
      }
    })

    test('layers are the blobs that the manifest names', async ({ transport, references }) => {
      const resolved = await transport.resolve(references.one)
      for (const layer of resolved.manifest.layers) {
        const bytes = await bytesOf(transport.openLayer(resolved, layer))
        const served = servedAs(resolved, layer)
        assert.equal(sha256(bytes), served.digest)
        assert.equal(bytes.length, served.size)
      }
    })

    test('a range of a layer is that range, where ranges are claimed', async ({ transport, references }) => {
      if (!transport.supports.range) return
      const resolved = await transport.resolve(references.one)
      const layer = resolved.manifest.layers[1]!
      const whole = await bytesOf(transport.openLayer(resolved, layer))
      for (const range of [
        { start: 0, end: 10 },
        { start: 100, end: 1000 },
        { start: whole.length - 7, end: whole.length },
      ]) {
        const part = await bytesOf(transport.openLayer(resolved, layer, { range }))
        assert.ok(part.equals(whole.subarray(range.start, range.end)), JSON.stringify(range))
      }
    })

    test('what is opened raw is what resolving found, with its config and layers', async (bench) => {
      const { transport, references } = bench
      if (transport.openRaw === undefined) return
      const resolved = await transport.resolve(references.one)
      const raw = await transport.openRaw(references.one)
      assert.equal(raw.top.digest, resolved.index?.digest ?? resolved.manifestDigest)
      assert.equal(sha256(raw.top.bytes), raw.top.digest)
      for (const blob of [resolved.manifest.config, ...resolved.manifest.layers]) {
        assert.equal(sha256(await bytesOf(raw.blob(blob))), blob.digest)
        const tail = await bytesOf(raw.blob(blob, { range: { start: blob.size - 5, end: blob.size } }))
        assert.equal(tail.length, 5)
      }
      const { openRaw } = transport
      await rejectsWith(/^(TRANSPORT|IMAGE)_/, () => openRaw(references.missing))
    })

    test('a digest that is asked for is that of the manifest, or none', async ({ transport, references }) => {
      const asked = await transport.askDigest?.(references.one)
      if (asked === undefined) return
      assert.equal(asked, (await transport.resolve(references.one)).manifestDigest)
    })

    test('the same layer can be read again, and two at once', async ({ transport, references }) => {
      const resolved = await transport.resolve(references.two)
      const [a, b] = resolved.manifest.layers
      const read = (layer: typeof a) => bytesOf(transport.openLayer(resolved, layer!))
      const [first, second, again] = await Promise.all([read(a), read(b), read(a)])
      assert.ok(first.equals(again))
      assert.equal(sha256(second), servedAs(resolved, b!).digest)
    })

    test('a reader that leaves early leaves nothing hanging', async ({ transport, references }) => {
      const resolved = await transport.resolve(references.one)
      for await (const chunk of transport.openLayer(resolved, resolved.manifest.layers[1]!)) {
        assert.ok(chunk.length > 0)
        break
      }
      assert.equal((await transport.resolve(references.two)).manifest.layers.length, 2)
    })

    test('chunks belong to the reader', async ({ transport, references }) => {
      const resolved = await transport.resolve(references.one)
      const layer = resolved.manifest.layers[1]!
      for await (const chunk of transport.openLayer(resolved, layer)) chunk.fill(0)
      const again = await bytesOf(transport.openLayer(resolved, layer))
      assert.equal(sha256(again), servedAs(resolved, layer).digest)
    })

    test('an image that is not there is told by an error of the family', async (bench) => {
      await rejectsWith(/^(TRANSPORT|IMAGE)_/, () => bench.transport.resolve(bench.references.missing))
    })

    test('aborting rejects with the reason', async ({ transport, references }) => {
      await rejectsWithReason((signal) => transport.resolve(references.one, { signal }))
      const resolved = await transport.resolve(references.one)
      const layer = resolved.manifest.layers[1]!
      await rejectsWithReason((signal) => bytesOf(transport.openLayer(resolved, layer, { signal })))
    })

    test('another platform than the image\u2019s is refused or told', async ({ transport, references }) => {
      const platform = { architecture: 's390x', os: 'linux' }
      // A single manifest has no platform to choose from; then the config says the truth.
      try {
        const resolved = await transport.resolve(references.one, { platform })
        assert.equal(resolved.config.architecture, 'amd64')
      } catch (error) {
        await rejectsWith(/^(TRANSPORT|IMAGE)_/, () => Promise.reject(error as Error))
      }
    })
  })
}

/** Sources that do not keep blobs say what they give instead. */
function servedAs({ served }: ResolvedImage, layer: Descriptor): Descriptor {
  return served?.get(layer.digest) ?? layer
}

function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

function imageOf(name: string): BuiltImage {
  const noise = createHash('shake256', { outputLength: 300_000 }).update(name).digest()
  return buildImage({
    labels: { name },
    layers: [
      { entries: [dir('usr'), file('usr/name', name)], compression: 'none' },
      { entries: [dir('usr'), file('usr/noise', noise)] },
    ],
  })
}
