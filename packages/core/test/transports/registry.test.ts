import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ResolvedImage } from '../../src/index.js'
import { buildImage, buildIndex } from '../../src/testing/image-builder.js'
import { file } from '../../src/testing/layer-entries.js'
import { serveRegistry } from '../../src/testing/registry-server.js'
import type { RegistryServer } from '../../src/testing/registry-server.js'
import { collect, quickTransport } from './helpers.js'

const random = Buffer.from(Array.from({ length: 3_000_000 }, (_, i) => (i * i * 31 + (i >> 7)) & 0xff))
const image = buildImage({
  layers: [{ entries: [file('a', random)], compression: 'none' }, { entries: [file('b', 'small')] }],
})
const [big, small] = image.layers as [(typeof image.layers)[0], (typeof image.layers)[0]]
const bigPath = `/blobs/${big.descriptor.digest}`
const paths = (registry: RegistryServer) => registry.log.map(({ method, path }) => `${method} ${path}`)

let registry: RegistryServer
beforeEach(async () => {
  registry = await serveRegistry({ 'ns/app:v1': image })
})
afterEach(() => registry.close())

describe('a pull without authentication', () => {
  test('makes the same requests as skopeo, in the same order', async () => {
    const transport = quickTransport()
    const resolved = await transport.resolve(registry.reference('ns/app', 'v1'))
    for (const layer of resolved.manifest.layers) await collect(transport.openLayer(resolved, layer))
    expect(paths(registry)).toEqual([
      'GET /v2/',
      'GET /v2/ns/app/manifests/v1',
      `GET /v2/ns/app/blobs/${image.configDigest}`,
      `GET /v2/ns/app/blobs/${big.descriptor.digest}`,
      `GET /v2/ns/app/blobs/${small.descriptor.digest}`,
    ])
    expect(registry.log[1]!.headers).toMatchObject({
      accept:
        'application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json, ' +
        'application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.index.v1+json',
      'accept-encoding': 'identity',
      'user-agent': 'bootc-sdk',
      'docker-distribution-api-version': 'registry/2.0',
    })
    expect(registry.log.every(({ headers }) => headers.authorization === undefined)).toBe(true)
  })

  test('returns what was served, byte for byte', async () => {
    const transport = quickTransport()
    const reference = registry.reference('ns/app', 'v1')
    const resolved = await transport.resolve(reference)
    expect(resolved).toMatchObject({
      reference,
      manifestDigest: image.manifestDigest,
      manifest: image.manifest,
      manifestMediaType: image.manifestMediaType,
      configDigest: image.configDigest,
      config: image.config,
    })
    expect(Buffer.from(resolved.manifestBytes).equals(image.manifestBytes)).toBe(true)
    expect(Buffer.from(resolved.configBytes).equals(image.configBytes)).toBe(true)
    expect(resolved.index).toBeUndefined()
    expect((await collect(transport.openLayer(resolved, big.descriptor))).equals(big.blob)).toBe(true)
  })

  test('finds an image by digest, also when a tag stands before it', async () => {
    const transport = quickTransport()
    const byDigest = registry.reference('ns/app', image.manifestDigest)
    const both = { ...byDigest, name: byDigest.name.replace('@', ':other@') }
    for (const reference of [byDigest, both]) {
      expect((await transport.resolve(reference)).manifestDigest).toBe(image.manifestDigest)
    }
    expect(paths(registry)).not.toContainEqual(expect.stringContaining('other'))
  })

  test('reads a range of a layer, with and without help of the server', async () => {
    const transport = quickTransport()
    const resolved = await transport.resolve(registry.reference('ns/app', 'v1'))
    const range = { start: 1000, end: 200_000 }
    const wanted = big.blob.subarray(range.start, range.end)
    expect((await collect(transport.openLayer(resolved, big.descriptor, { range }))).equals(wanted)).toBe(
      true,
    )
    expect(registry.log.at(-1)!.headers.range).toBe('bytes=1000-199999')
    registry.fail('/blobs/', { ignoreRange: true })
    expect((await collect(transport.openLayer(resolved, big.descriptor, { range }))).equals(wanted)).toBe(
      true,
    )
  })
})

describe('authentication', () => {
  const login = { username: 'me', password: 'sec:ret' }

  test('anonymous bearer: a token for the repository, once for all requests', async () => {
    await using server = await serveRegistry({ 'ns/app:v1': image }, { auth: { kind: 'bearer' } })
    await pullAll(server)
    expect(paths(server).slice(0, 4)).toEqual([
      'GET /v2/',
      'GET /token?scope=repository%3Ans%2Fapp%3Apull&service=test+registry',
      'GET /v2/ns/app/manifests/v1',
      `GET /v2/ns/app/blobs/${image.configDigest}`,
    ])
    expect(server.log[1]!.headers.authorization).toBeUndefined()
    expect(server.log[2]!.headers.authorization).toBe('Bearer token-1')
    expect(paths(server).filter((path) => path.includes('/token'))).toHaveLength(1)
  })

  test('bearer with a user: basic towards the token server only', async () => {
    await using server = await serveRegistry({ 'ns/app:v1': image }, { auth: { kind: 'bearer', ...login } })
    const asked: unknown[] = []
    await pullAll(server, {
      credentials: (request) => {
        asked.push(request)
        return login
      },
    })
    expect(asked[0]).toEqual({ registry: server.host, repository: 'ns/app' })
    expect(paths(server)[1]).toBe(
      'GET /token?account=me&scope=repository%3Ans%2Fapp%3Apull&service=test+registry',
    )
    expect(server.log[1]!.headers.authorization).toBe(`Basic ${Buffer.from('me:sec:ret').toString('base64')}`)
  })

  test('bearer with an identity token: exchanged by POST', async () => {
    const auth = {
      kind: 'bearer',
      username: 'x',
      password: 'y',
      identityToken: 'id-1',
      accessToken: true,
    } as const
    await using server = await serveRegistry({ 'ns/app:v1': image }, { auth })
    await pullAll(server, { credentials: () => ({ identityToken: 'id-1' }) })
    expect(paths(server)[1]).toBe('POST /token')
    expect(Object.fromEntries(new URLSearchParams(server.log[1]!.body))).toEqual({
      service: 'test registry',
      scope: 'repository:ns/app:pull',
      grant_type: 'refresh_token',
      refresh_token: 'id-1',
      client_id: 'containers/image',
    })
  })

  test('basic', async () => {
    await using server = await serveRegistry({ 'ns/app:v1': image }, { auth: { kind: 'basic', ...login } })
    await pullAll(server, { credentials: () => login })
    expect(server.log[0]!.headers.authorization).toBeUndefined()
    expect(server.log[1]!.headers.authorization).toBe(`Basic ${Buffer.from('me:sec:ret').toString('base64')}`)
  })

  test('a scope that was lacking is asked for once, together with our own', async () => {
    const auth = { kind: 'bearer', extraScope: 'repository:base/os:pull' } as const
    await using server = await serveRegistry({ 'ns/app:v1': image }, { auth })
    await pullAll(server)
    const tokens = paths(server).filter((path) => path.includes('/token'))
    expect(tokens[1]).toContain('scope=repository%3Ans%2Fapp%3Apull&scope=repository%3Abase%2Fos%3Apull')
  })

  test('a token that was forgotten by the registry is fetched anew, once', async () => {
    await using server = await serveRegistry({ 'ns/app:v1': image }, { auth: { kind: 'bearer' } })
    const transport = quickTransport()
    const resolved = await transport.resolve(server.reference('ns/app', 'v1'))
    server.revokeTokens()
    const before = server.log.length
    await collect(transport.openLayer(resolved, small.descriptor))
    expect(
      paths(server)
        .slice(before)
        .map((path) => path.split('?')[0]),
    ).toEqual([
      `GET /v2/ns/app/blobs/${small.descriptor.digest}`,
      'GET /token',
      `GET /v2/ns/app/blobs/${small.descriptor.digest}`,
    ])
  })

  test('a token is not used beyond its life', async () => {
    const auth = { kind: 'bearer', expiresInSeconds: 90 } as const
    await using server = await serveRegistry({ 'ns/app:v1': image }, { auth })
    const transport = quickTransport()
    const resolved = await transport.resolve(server.reference('ns/app', 'v1'))
    transport.timing.advance(91_000)
    await collect(transport.openLayer(resolved, small.descriptor))
    expect(paths(server).filter((path) => path.includes('/token'))).toHaveLength(2)
  })

  test('layers that start together share one token', async () => {
    await using server = await serveRegistry({ 'ns/app:v1': image }, { auth: { kind: 'bearer' } })
    const resolved = await quickTransport().resolve(server.reference('ns/app', 'v1'))
    const transport = quickTransport()
    const before = server.log.length
    await Promise.all(resolved.manifest.layers.map((layer) => collect(transport.openLayer(resolved, layer))))
    const later = paths(server).slice(before)
    expect(later.filter((path) => path.includes('/token'))).toHaveLength(1)
    expect(later.filter((path) => path === 'GET /v2/')).toHaveLength(1)
  })

  test.each([
    ['bearer', { kind: 'bearer', ...login }],
    ['basic', { kind: 'basic', ...login }],
  ] as const)('wrong %s credentials are named, not shown', async (_name, auth) => {
    await using server = await serveRegistry({ 'ns/app:v1': image }, { auth })
    const wrong = { username: 'me', password: 'hunter2-secret' }
    const error = await quickTransport({ credentials: () => wrong })
      .resolve(server.reference('ns/app', 'v1'))
      .catch((e: unknown) => e)
    expect(error).toMatchObject({ code: 'TRANSPORT_UNAUTHORIZED', details: { status: 401 } })
    expectSecretless(error, ['hunter2-secret', Buffer.from('me:hunter2-secret').toString('base64')])
  })

  test('a token server without TLS is refused where the registry must have it', async () => {
    await using server = await serveRegistry(
      { 'ns/app:v1': image },
      { auth: { kind: 'bearer', realm: 'ftp://127.0.0.1/token' } },
    )
    await expect(quickTransport().resolve(server.reference('ns/app', 'v1'))).rejects.toMatchObject({
      code: 'TRANSPORT_PROTOCOL',
    })
  })
})

describe('redirects', () => {
  test.each([
    ['another port', '127.0.0.1'],
    ['another host name', 'localhost'],
  ])('to %s keep Range and drop Authorization', async (_name, host) => {
    await using store = await serveRegistry({ 'ns/app:v1': image })
    await using server = await serveRegistry({ 'ns/app:v1': image }, { auth: { kind: 'bearer' } })
    server.fail('/blobs/', { redirect: `http://${host}:${store.port}/v2/ns/app${bigPath}?signature=s3cret` })
    const transport = quickTransport()
    const resolved = await quickTransport().resolve(registry.reference('ns/app', 'v1'))
    const moved: ResolvedImage = { ...resolved, reference: server.reference('ns/app', 'v1') }
    const range = { start: 5, end: 100_000 }
    const data = await collect(transport.openLayer(moved, big.descriptor, { range }))
    expect(data.equals(big.blob.subarray(5, 100_000))).toBe(true)
    expect(server.log.at(-1)!.headers.authorization).toBe('Bearer token-1')
    expect(store.log.at(-1)!.headers).toMatchObject({ range: 'bytes=5-99999' })
    expect(store.log.at(-1)!.headers.authorization).toBeUndefined()
  })

  test('within the registry keep Authorization', async () => {
    await using server = await serveRegistry({ 'ns/app:v1': image }, { auth: { kind: 'bearer' } })
    server.fail('/blobs/', { redirect: `/v2/ns/app/blobs/${image.configDigest}` }, 1)
    await quickTransport().resolve(server.reference('ns/app', 'v1'))
    expect(server.log.at(-1)!.headers.authorization).toBe('Bearer token-1')
  })

  test('that come back do not get Authorization back', async () => {
    await using server = await serveRegistry({ 'ns/app:v1': image }, { auth: { kind: 'bearer' } })
    await using detour = await serveRegistry()
    server.fail('/manifests/', { redirect: `http://${detour.host}/x` }, 1)
    detour.fail('/x', { redirect: `http://${server.host}/v2/ns/app/manifests/v1` })
    await expect(quickTransport().resolve(server.reference('ns/app', 'v1'))).rejects.toMatchObject({
      code: 'TRANSPORT_UNAUTHORIZED',
    })
    expect(server.log.at(-1)!.headers.authorization).toBeUndefined()
  })

  test('in circles end', async () => {
    registry.fail('/manifests/', { redirect: '/v2/ns/app/manifests/v1' })
    await expect(quickTransport().resolve(registry.reference('ns/app', 'v1'))).rejects.toMatchObject({
      code: 'TRANSPORT_PROTOCOL',
    })
    expect(paths(registry).filter((path) => path.includes('manifests'))).toHaveLength(11)
  })

  test.each(['file:///etc/passwd', 'http://', 'gopher://127.0.0.1/'])(
    'to %s are refused',
    async (redirect) => {
      registry.fail('/manifests/', { redirect })
      await expect(quickTransport().resolve(registry.reference('ns/app', 'v1'))).rejects.toMatchObject({
        code: 'TRANSPORT_PROTOCOL',
      })
    },
  )

  test('with signed URLs do not show in errors', async () => {
    registry.fail('/blobs/', { redirect: 'http://user:pw@127.0.0.1:1/blob?signature=s3cret' })
    const error = await quickTransport()
      .resolve(registry.reference('ns/app', 'v1'))
      .catch((e: unknown) => e)
    expect(error).toMatchObject({
      code: 'TRANSPORT_UNREACHABLE',
      details: { url: 'http://127.0.0.1:1/blob' },
    })
    expectSecretless(error, ['s3cret', 'user:pw', 'pw@'])
  })
})

describe('rate limits', () => {
  test('wait as long as Retry-After says, else 2, 4, 8 s', async () => {
    registry.fail('/manifests/', { status: 429, headers: { 'retry-after': '7' } }, 1)
    registry.fail('/manifests/', { status: 429 }, 2)
    registry.fail(
      '/manifests/',
      { status: 503, headers: { 'retry-after': 'Thu, 01 Jan 2026 00:00:33 GMT' } },
      1,
    )
    const events: unknown[] = []
    const transport = quickTransport()
    await transport.resolve(registry.reference('ns/app', 'v1'), { onProgress: (event) => events.push(event) })
    expect(transport.timing.slept).toEqual([7000, 4000, 8000, 14_000])
    expect(events[0]).toMatchObject({
      type: 'pull:retry',
      detail: { attempt: 1, waitMs: 7000, reason: 'status 429' },
    })
  })

  test.each(['999999', 'soon', '0', 'Thu, 01 Jan 1970 00:00:00 GMT'])(
    'take Retry-After %s with care',
    async (value) => {
      registry.fail('/manifests/', { status: 429, headers: { 'retry-after': value } }, 1)
      const transport = quickTransport()
      await transport.resolve(registry.reference('ns/app', 'v1'))
      expect(transport.timing.slept).toEqual([value === '999999' ? 60_000 : 2000])
    },
  )

  test('give up after five attempts', async () => {
    registry.fail('/manifests/', { status: 429 })
    const transport = quickTransport()
    await expect(transport.resolve(registry.reference('ns/app', 'v1'))).rejects.toMatchObject({
      code: 'TRANSPORT_RATE_LIMITED',
      details: { status: 429, attempts: 5 },
    })
    expect(transport.timing.slept).toEqual([2000, 4000, 8000, 16_000])
  })

  test('end their wait with the signal', async () => {
    registry.fail('/manifests/', { status: 429, headers: { 'retry-after': '50' } })
    const { registryTransport } = await import('../../src/transports/index.js')
    const stop = new AbortController()
    const reason = new Error('stop')
    const resolving = registryTransport().resolve(registry.reference('ns/app', 'v1'), {
      signal: stop.signal,
      onProgress: () => stop.abort(reason),
    })
    await expect(resolving).rejects.toBe(reason)
  })
})

describe('broken layers', () => {
  let resolved: ResolvedImage
  beforeEach(async () => {
    resolved = await quickTransport().resolve(registry.reference('ns/app', 'v1'))
    registry.log.length = 0
  })

  test('continue where the connection was cut', async () => {
    registry.fail(bigPath, { cutAfterBytes: 1_500_000 }, 1)
    const transport = quickTransport()
    const events: unknown[] = []
    const data = await collect(
      transport.openLayer(resolved, big.descriptor, { onProgress: (event) => events.push(event) }),
    )
    expect(data.equals(big.blob)).toBe(true)
    const ranges = registry.log
      .filter(({ path }) => path.endsWith(bigPath))
      .map(({ headers }) => headers.range)
    expect(ranges).toHaveLength(2)
    expect(ranges[0]).toBeUndefined()
    expect(ranges[1]).toMatch(/^bytes=[0-9]+-$/)
    expect(transport.timing.slept).toEqual([1050])
    expect(events).toMatchObject([{ type: 'pull:retry', detail: { id: big.descriptor.digest, attempt: 1 } }])
  })

  test('continue without ranges by reading past what is there', async () => {
    registry.fail(bigPath, { cutAfterBytes: 1_500_000 }, 1)
    registry.fail(bigPath, { ignoreRange: true }, 1)
    expect((await collect(quickTransport().openLayer(resolved, big.descriptor))).equals(big.blob)).toBe(true)
  })

  test('continue when they stall', async () => {
    registry.fail(bigPath, { stallAfterBytes: 1_500_000 }, 1)
    expect((await collect(quickTransport().openLayer(resolved, big.descriptor))).equals(big.blob)).toBe(true)
  })

  test('continue when the end of a response without length was a break', async () => {
    registry.fail(
      bigPath,
      { headers: { 'content-length': null }, cutAfterBytes: 1_500_000, chunked: true },
      1,
    )
    expect((await collect(quickTransport().openLayer(resolved, big.descriptor))).equals(big.blob)).toBe(true)
  })

  test('continue again and again while each connection brings a mebibyte', async () => {
    registry.fail(bigPath, { cutAfterBytes: 1_100_000 })
    const data = await collect(quickTransport().openLayer(resolved, big.descriptor))
    expect(data.equals(big.blob)).toBe(true)
    expect(registry.log.filter(({ path }) => path.endsWith(bigPath)).length).toBeGreaterThanOrEqual(3)
  })

  test('fail when a reconnection brings next to nothing', async () => {
    registry.fail(bigPath, { cutAfterBytes: 200_000 })
    const transport = quickTransport()
    await expect(collect(transport.openLayer(resolved, big.descriptor))).rejects.toMatchObject({
      code: 'TRANSPORT_UNREACHABLE',
      details: { digest: big.descriptor.digest },
    })
    expect(registry.log.filter(({ path }) => path.endsWith(bigPath))).toHaveLength(2)
  })

  test.each([
    ['another start', 'bytes 5-3001535/3001536'],
    ['another end', 'bytes 1500000-1500001/3001536'],
    ['another size', 'bytes 1500000-3001599/3001600'],
    ['nonsense', 'bytes what/ever'],
    ['nothing', null],
  ])('start over where a continuation comes with %s', async (_name, contentRange) => {
    registry.fail(bigPath, { cutAfterBytes: 1_500_000 }, 1)
    registry.fail(bigPath, { headers: { 'content-range': contentRange } }, 1)
    const data = await collect(quickTransport().openLayer(resolved, big.descriptor))
    expect(data.equals(big.blob)).toBe(true)
    expect(registry.log.at(-1)!.headers.range).toBeUndefined()
  })

  test('are refused as a part where other bytes come than were asked for', async () => {
    registry.fail(bigPath, { headers: { 'content-range': 'bytes 0-9/10' } }, 1)
    const range = { start: 100, end: big.descriptor.size }
    await expect(
      collect(quickTransport().openLayer(resolved, big.descriptor, { range })),
    ).rejects.toMatchObject({
      code: 'TRANSPORT_RANGE_UNSUPPORTED',
      details: { status: 206, digest: big.descriptor.digest, host: registry.host },
    })
    expect(registry.log.filter(({ path }) => path.endsWith(bigPath))).toHaveLength(1)
  })

  test('are opened again after a passing failure, three times', async () => {
    registry.fail(bigPath, { status: 502 }, 3)
    const transport = quickTransport()
    expect((await collect(transport.openLayer(resolved, big.descriptor))).equals(big.blob)).toBe(true)
    expect(transport.timing.slept).toEqual([1050, 2100, 4200])
    registry.fail(bigPath, { status: 504 })
    await expect(collect(quickTransport().openLayer(resolved, big.descriptor))).rejects.toMatchObject({
      code: 'TRANSPORT_PROTOCOL',
      details: { status: 504, attempts: 4 },
    })
  })

  test('are asked for anew where a signed address has expired', async () => {
    await using store = await serveRegistry({ 'ns/app:v1': image })
    store.fail('/blobs/', { status: 403 }, 2)
    registry.fail(bigPath, { redirect: `http://${store.host}/v2/ns/app${bigPath}?signature=old` }, 2)
    registry.fail(bigPath, { redirect: `http://${store.host}/v2/ns/app${bigPath}?signature=new` })
    const transport = quickTransport()
    expect((await collect(transport.openLayer(resolved, big.descriptor))).equals(big.blob)).toBe(true)
    expect(store.log.map(({ path }) => path.split('=')[1])).toEqual(['old', 'old', 'new'])
    expect(transport.timing.slept).toEqual([1050, 2100])
  })

  test('of which a token expires in the middle go on with another', async () => {
    await using server = await serveRegistry({ 'ns/app:v1': image }, { auth: { kind: 'bearer' } })
    server.fail(bigPath, { cutAfterBytes: 1_500_000 }, 1)
    const transport = quickTransport()
    const moved = await transport.resolve(server.reference('ns/app', 'v1'))
    let isFirst = true
    const chunks: Uint8Array[] = []
    for await (const chunk of transport.openLayer(moved, big.descriptor)) {
      if (isFirst) server.revokeTokens()
      isFirst = false
      chunks.push(chunk)
    }
    expect(Buffer.concat(chunks).equals(big.blob)).toBe(true)
    expect(paths(server).filter((path) => path.includes('/token'))).toHaveLength(2)
  })

  test('name host, reference and digest, whatever happened to them', async () => {
    const faults = [
      { status: 403 },
      { status: 500 },
      { redirect: 'file:///etc/hostname' },
      { cutAfterBytes: 0 },
    ]
    for (const fault of faults) {
      registry.clearFaults()
      registry.fail(bigPath, fault)
      const error = await collect(
        quickTransport({ layerRetries: 0 }).openLayer(resolved, big.descriptor),
      ).catch((e: unknown) => e)
      const { host } = registry
      expect(error).toMatchObject({
        message: expect.stringContaining(host) as string,
        details: { host, reference: `docker://${host}/ns/app:v1`, digest: big.descriptor.digest },
      })
    }
  })

  test('are not asked for again when the registry said no', async () => {
    registry.fail(bigPath, { status: 403 })
    const transport = quickTransport()
    await expect(collect(transport.openLayer(resolved, big.descriptor))).rejects.toMatchObject({
      code: 'TRANSPORT_DENIED',
      details: { status: 403, digest: big.descriptor.digest },
    })
    expect(transport.timing.slept).toEqual([])
  })

  test('end with the reason of the signal, in the middle of a stall too', async () => {
    registry.fail(bigPath, { stallAfterBytes: 100_000 })
    const stop = new AbortController()
    const reason = new Error('stop')
    const reading = (async () => {
      const transport = quickTransport({ stallTimeoutMs: 20_000 })
      for await (const _chunk of transport.openLayer(resolved, big.descriptor, { signal: stop.signal })) {
        setTimeout(() => stop.abort(reason), 20)
      }
    })()
    await expect(reading).rejects.toBe(reason)
  })
})

describe('what the server did', () => {
  const resolve = (options = {}) => quickTransport().resolve(registry.reference('ns/app', 'v1'), options)
  const readBig = async () => {
    const transport = quickTransport()
    const resolved = await transport.resolve(registry.reference('ns/app', 'v1'))
    return collect(transport.openLayer(resolved, big.descriptor))
  }

  test('other bytes for a digest reference: refused', async () => {
    registry.fail('/manifests/', { body: Buffer.concat([image.manifestBytes, Buffer.from(' ')]) })
    await expect(
      quickTransport().resolve(registry.reference('ns/app', image.manifestDigest)),
    ).rejects.toMatchObject({
      code: 'IMAGE_DIGEST_MISMATCH',
      details: { expected: image.manifestDigest },
    })
  })

  test('a wrong Docker-Content-Digest header: a warning', async () => {
    registry.fail('/manifests/', { headers: { 'docker-content-digest': `sha256:${'0'.repeat(64)}` } })
    const resolved = await resolve()
    expect(resolved.manifestDigest).toBe(image.manifestDigest)
    expect(resolved.warnings).toMatchObject([{ code: 'transport:digest-header' }])
  })

  test('another config than the manifest names: refused', async () => {
    registry.fail('/blobs/', { body: Buffer.from(JSON.stringify({ ...image.config, author: 'mallory' })) })
    await expect(resolve()).rejects.toMatchObject({ code: 'IMAGE_SIZE_MISMATCH' })
    registry.clearFaults()
    const forged = Buffer.from(image.configBytes)
    forged[forged.indexOf('amd64')] = 0x41
    registry.fail('/blobs/', { body: forged })
    await expect(resolve()).rejects.toMatchObject({ code: 'IMAGE_DIGEST_MISMATCH' })
  })

  test('a layer longer than its descriptor, or without end: refused after its size', async () => {
    registry.fail(bigPath, { body: Buffer.concat([big.blob, Buffer.from('more')]) }, 1)
    await expect(readBig()).rejects.toMatchObject({ code: 'IMAGE_SIZE_MISMATCH' })
    registry.fail(bigPath, { endless: true })
    await expect(readBig()).rejects.toMatchObject({ code: 'IMAGE_SIZE_MISMATCH' })
  })

  test('a layer shorter than its descriptor, completely served: refused when the rest is not to be had either', async () => {
    registry.fail(bigPath, { body: big.blob.subarray(0, 1_500_000), ignoreRange: true })
    await expect(readBig()).rejects.toMatchObject({
      code: 'IMAGE_SIZE_MISMATCH',
      details: { expectedBytes: big.blob.length, actualBytes: 1_500_000 },
    })
    const asked = registry.log.filter(({ path }) => path.endsWith(bigPath))
    expect(asked.map(({ headers }) => headers.range)).toEqual([undefined, 'bytes=1500000-'])
  })

  test('a layer that a proxy cut short, with a fitting length: continued', async () => {
    registry.fail(bigPath, { body: big.blob.subarray(0, 1_500_000) }, 1)
    expect((await readBig()).equals(big.blob)).toBe(true)
  })

  test('Content-Encoding on a layer: raw bytes, as hashed', async () => {
    registry.fail('/blobs/', { headers: { 'content-encoding': 'gzip' } })
    const transport = quickTransport()
    const resolved = await transport.resolve(registry.reference('ns/app', 'v1'))
    const data = await collect(transport.openLayer(resolved, small.descriptor))
    expect(data.equals(small.blob)).toBe(true)
  })

  test.each(['text/plain', 'application/json; charset=utf-8', null])(
    'manifest served as %s: the body tells',
    async (type) => {
      registry.fail('/manifests/', { headers: { 'content-type': type } })
      expect((await resolve()).manifestMediaType).toBe('application/vnd.oci.image.manifest.v1+json')
    },
  )

  test('a header that contradicts the body: refused', async () => {
    const type = 'application/vnd.docker.distribution.manifest.v2+json'
    registry.fail('/manifests/', { headers: { 'content-type': type } })
    await expect(resolve()).rejects.toMatchObject({ code: 'IMAGE_MEDIA_TYPE_MISMATCH' })
  })

  test('an oversized manifest, by its own account or without end: refused', async () => {
    registry.fail('/manifests/', { body: Buffer.alloc(5 * 1024 * 1024, 0x20) }, 1)
    await expect(resolve()).rejects.toMatchObject({
      code: 'IMAGE_TOO_LARGE',
      details: { limitBytes: 4 << 20 },
    })
    registry.fail('/manifests/', { endless: true })
    await expect(resolve()).rejects.toMatchObject({ code: 'IMAGE_TOO_LARGE' })
  })

  test('a token, a config, an error without end: bounded', async () => {
    registry.fail(`/blobs/${image.configDigest}`, { endless: true })
    await expect(resolve()).rejects.toMatchObject({ code: 'IMAGE_TOO_LARGE' })
    registry.clearFaults()
    registry.fail('/manifests/', { status: 500, endless: true })
    await expect(resolve()).rejects.toMatchObject({ code: 'TRANSPORT_PROTOCOL', details: { status: 500 } })
    await using server = await serveRegistry({ 'ns/app:v1': image }, { auth: { kind: 'bearer' } })
    server.fail('/token', { endless: true })
    await expect(quickTransport().resolve(server.reference('ns/app', 'v1'))).rejects.toMatchObject({
      code: 'IMAGE_TOO_LARGE',
    })
  })

  test('an artifact that is no image: refused', async () => {
    registry.push('ns/app', 'artifact', buildImage({ layers: [], config: () => ({ made: 'by somebody' }) }))
    await expect(quickTransport().resolve(registry.reference('ns/app', 'artifact'))).rejects.toMatchObject({
      code: 'IMAGE_NOT_AN_IMAGE',
    })
  })

  test('Docker media types: read as they are', async () => {
    const docker = buildImage({ family: 'docker', layers: [{ entries: [file('x', 'y')] }] })
    registry.push('ns/app', 'docker', docker)
    const resolved = await quickTransport().resolve(registry.reference('ns/app', 'docker'))
    expect(resolved.manifestDigest).toBe(docker.manifestDigest)
    expect(resolved.manifestMediaType).toBe('application/vnd.docker.distribution.manifest.v2+json')
  })

  test('words in Warning headers: returned once, without control characters', async () => {
    registry.fail(/GET .*(manifests|blobs)/, { headers: { warning: '299 - "be \\"nice\\""' } })
    expect((await resolve()).warnings).toEqual([{ code: 'transport:server-warning', message: 'be "nice"' }])
  })

  test.each([
    [404, { errors: [{ code: 'MANIFEST_UNKNOWN', message: 'manifest unknown' }] }, 'TRANSPORT_NOT_FOUND'],
    [404, 'no such page', 'TRANSPORT_NOT_FOUND'],
    [400, { errors: [{ code: 'UNKNOWN', message: 'Not Found' }] }, 'TRANSPORT_NOT_FOUND'],
    [401, { details: 'log in' }, 'TRANSPORT_UNAUTHORIZED'],
    [403, { errors: [{ code: 'DENIED', message: 'no' }] }, 'TRANSPORT_DENIED'],
    [500, '<html><body>oops</body></html>', 'TRANSPORT_PROTOCOL'],
  ])('status %i with %j is %s', async (status, body, code) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    registry.fail('/manifests/', { status, body: Buffer.from(text) })
    const error = (await resolve().catch((e: unknown) => e)) as Error
    expect(error).toMatchObject({ code, details: { status } })
    expect(error.message).not.toMatch(/[<\n]/)
  })

  test('control characters in an error: not passed on to terminals', async () => {
    const body = JSON.stringify({ errors: [{ code: 'DENIED', message: 'a\u001b[31mb\r\nc' }] })
    registry.fail('/manifests/', { status: 403, body: Buffer.from(body) })
    await expect(resolve()).rejects.toThrow('a [31mb c')
  })

  test('a repository or tag it does not have: not found', async () => {
    for (const [repository, tag] of [
      ['ns/app', 'v9'],
      ['ns/none', 'v1'],
    ] as const) {
      await expect(quickTransport().resolve(registry.reference(repository, tag))).rejects.toMatchObject({
        code: 'TRANSPORT_NOT_FOUND',
      })
    }
  })
})

describe('an index', () => {
  const arm = buildImage({ architecture: 'arm64', layers: [{ entries: [file('arm', '1')] }] })
  const amd = buildImage({ architecture: 'amd64', layers: [{ entries: [file('amd', '1')] }] })

  test('leads to the image of the wanted platform', async () => {
    const index = buildIndex([arm, amd])
    registry.push('ns/multi', 'v1', index)
    const reference = registry.reference('ns/multi', 'v1')
    const platform = { os: 'linux', architecture: 'arm64' }
    const resolved = await quickTransport().resolve(reference, { platform })
    expect(resolved.manifestDigest).toBe(arm.manifestDigest)
    expect(resolved.index?.digest).toBe(index.digest)
    await expect(
      quickTransport().resolve(reference, { platform: { os: 'linux', architecture: 's390x' } }),
    ).rejects.toMatchObject({ code: 'IMAGE_PLATFORM_MISSING' })
  })

  test('that names another platform than the config: a warning', async () => {
    const index = buildIndex([arm], { platforms: [{ os: 'linux', architecture: 'amd64' }] })
    registry.push('ns/multi', 'v1', index)
    const platform = { os: 'linux', architecture: 'amd64' }
    const resolved = await quickTransport().resolve(registry.reference('ns/multi', 'v1'), { platform })
    expect(resolved.warnings).toMatchObject([{ code: 'image:platform-mismatch' }])
  })

  test('instance with other bytes than the index says: refused', async () => {
    registry.push('ns/multi', 'v1', buildIndex([amd]))
    registry.fail(`/manifests/${amd.manifestDigest}`, { body: arm.manifestBytes })
    const platform = { os: 'linux', architecture: 'amd64' }
    await expect(
      quickTransport().resolve(registry.reference('ns/multi', 'v1'), { platform }),
    ).rejects.toMatchObject({ code: expect.stringMatching(/IMAGE_(SIZE|DIGEST)_MISMATCH/) as string })
  })
})

describe('connections', () => {
  test('to nobody: unreachable', async () => {
    const reference = { transport: 'registry', name: '127.0.0.1:1/ns/app:v1' } as const
    await expect(quickTransport().resolve(reference)).rejects.toMatchObject({
      code: 'TRANSPORT_UNREACHABLE',
      details: { errno: 'ECONNREFUSED' },
    })
  })

  test('plain HTTP is final where TLS is demanded', async () => {
    await expect(
      quickTransport({ insecure: false }).resolve(registry.reference('ns/app', 'v1')),
    ).rejects.toMatchObject({ code: expect.stringMatching(/^TRANSPORT_(TLS|UNREACHABLE)$/) as string })
    expect(registry.log).toEqual([])
  })

  test('a ping that failed is tried again by the next request', async () => {
    registry.fail('GET /v2/', { status: 500 }, 1)
    registry.fail(/GET \/v2\/$/, { status: 500 }, 1)
    const transport = quickTransport()
    const reference = registry.reference('ns/app', 'v1')
    await expect(transport.resolve(reference)).rejects.toMatchObject({ code: 'TRANSPORT_PROTOCOL' })
    await expect(transport.resolve(reference)).resolves.toMatchObject({
      manifestDigest: image.manifestDigest,
    })
  })

  test('one caller who gives up does not disturb another', async () => {
    const transport = quickTransport()
    const reference = registry.reference('ns/app', 'v1')
    const reason = new Error('never mind')
    const [first, second] = await Promise.allSettled([
      (() => {
        const stop = new AbortController()
        const resolving = transport.resolve(reference, { signal: stop.signal })
        stop.abort(reason)
        return resolving
      })(),
      transport.resolve(reference),
    ])
    expect(first).toEqual({ status: 'rejected', reason })
    expect(second.status).toBe('fulfilled')
  })
})

async function pullAll(
  server: RegistryServer,
  options: Parameters<typeof quickTransport>[0] = {},
): Promise<void> {
  const transport = quickTransport(options)
  const resolved = await transport.resolve(server.reference('ns/app', 'v1'))
  for (const { descriptor, blob } of image.layers) {
    expect((await collect(transport.openLayer(resolved, descriptor))).equals(blob)).toBe(true)
  }
}

/** No secret in anything that a log could print, causes included. */
function expectSecretless(error: unknown, secrets: readonly string[]): void {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    const text = `${at.stack} ${JSON.stringify(at, Object.getOwnPropertyNames(at))}`
    for (const secret of secrets) expect(text).not.toContain(secret)
  }
}
