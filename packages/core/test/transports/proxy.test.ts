import { readFile } from 'node:fs/promises'
import { expect, onTestFinished, test } from 'vitest'
import { buildImage } from '../../src/testing/image-builder.js'
import { file } from '../../src/testing/layer-entries.js'
import { serveRegistry } from '../../src/testing/registry-server.js'
import type { RegistryTransportOptions } from '../../src/transports/index.js'
import { collect, quickTransport } from './helpers.js'
import { serveProxy } from './proxy-server.js'

const image = buildImage({ layers: [{ entries: [file('a', 'content')] }] })
const images = { 'ns/app:v1': image }
const pem = (name: string) => readFile(new URL(`../golden/tls/${name}`, import.meta.url), 'utf8')
const named = { key: await pem('named.key'), cert: await pem('named.crt') }

const transportWith = (options: RegistryTransportOptions) => {
  const transport = quickTransport({ insecure: false, ...options })
  onTestFinished(() => transport.close())
  return transport
}
const reference = (host: string) => ({ transport: 'registry', name: `${host}/ns/app:v1` }) as const

test('TLS goes through the proxy to the registry, with its CA and a client certificate', async () => {
  await using proxy = await serveProxy()
  const strict = { ...named, requestCert: true, rejectUnauthorized: true, ca: named.cert }
  await using server = await serveRegistry(images, { tls: strict })
  const transport = transportWith({
    proxy: proxy.url,
    tls: () => ({ ca: [named.cert], ...named }),
  })
  const host = `registry.test:${server.port}`
  const resolved = await transport.resolve(reference(host))
  const layer = image.layers[0]!
  expect((await collect(transport.openLayer(resolved, layer.descriptor))).equals(layer.blob)).toBe(true)
  expect(new Set(proxy.log)).toEqual(new Set([`CONNECT ${host}`]))
})

test('a registry behind a proxy is trusted no more than any other', async () => {
  await using proxy = await serveProxy()
  await using server = await serveRegistry(images, { tls: named })
  const host = `registry.test:${server.port}`
  const refused = { code: 'TRANSPORT_TLS' }
  await expect(transportWith({ proxy: proxy.url }).resolve(reference(host))).rejects.toMatchObject(refused)
  const other = `other.test:${server.port}`
  const trusting = transportWith({ proxy: proxy.url, tls: () => ({ ca: [named.cert] }) })
  await expect(trusting.resolve(reference(other))).rejects.toMatchObject(refused)
  expect(server.log).toEqual([])
  await expect(
    transportWith({ proxy: proxy.url, insecure: true }).resolve(reference(host)),
  ).resolves.toBeDefined()
})

test('plain HTTP is asked of the proxy by whole URLs', async () => {
  await using proxy = await serveProxy()
  await using server = await serveRegistry(images)
  const host = `registry.test:${server.port}`
  const transport = transportWith({ insecure: true, proxy: { http: proxy.url } })
  // https does not go through it, and the name means nothing without it.
  await transport.resolve(reference(host))
  expect(proxy.log).toEqual([
    `GET http://${host}/v2/`,
    `GET http://${host}/v2/ns/app/manifests/v1`,
    `GET http://${host}/v2/ns/app/blobs/${image.configDigest}`,
  ])
})

test.each(['http', 'https'] as const)(
  'the password of a proxy is for the proxy alone (%s), and in no message',
  async (scheme) => {
    await using proxy = await serveProxy('me:ge/heim')
    await using server = await serveRegistry(images, scheme === 'https' ? { tls: named } : {})
    const host = `registry.test:${server.port}`
    const through = (user: string) =>
      transportWith({
        insecure: scheme === 'http',
        tls: () => ({ ca: [named.cert] }),
        proxy: { [scheme]: proxy.url.replace('//', `//${user}@`) },
      })
    await through('me:ge%2Fheim').resolve(reference(host))
    expect(server.log.flatMap(({ headers }) => Object.entries(headers)).join()).not.toMatch(/proxy-a|heim/)
    const error = await through('me:falsch')
      .resolve(reference(host))
      .catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: expect.stringMatching(/^TRANSPORT_/) as string })
    const told: string[] = []
    for (let at: unknown = error; at instanceof Error; at = at.cause)
      told.push(`${at.stack} ${JSON.stringify(at)}`)
    expect(told.join()).toContain('407')
    expect(told.join()).not.toContain('falsch')
  },
)

test('loopback is asked directly, and NO_PROXY counts', async () => {
  await using proxy = await serveProxy()
  await using server = await serveRegistry(images)
  await transportWith({ insecure: true, proxy: proxy.url }).resolve(reference(server.host))
  const exempt = transportWith({ insecure: true, proxy: { http: proxy.url, https: proxy.url, no: '.test' } })
  await expect(exempt.resolve(reference(`registry.test:${server.port}`))).rejects.toMatchObject({
    code: 'TRANSPORT_UNREACHABLE',
  })
  expect(proxy.log).toEqual([])
})
