import { readFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { buildImage } from '../../src/testing/image-builder.js'
import { file } from '../../src/testing/layer-entries.js'
import { serveRegistry } from '../../src/testing/registry-server.js'
import { collect, quickTransport } from './helpers.js'

const image = buildImage({ layers: [{ entries: [file('a', 'content')] }] })
const images = { 'ns/app:v1': image }
const pem = (name: string) => readFile(new URL(`../golden/tls/${name}`, import.meta.url), 'utf8')

let tls: { key: string; cert: string }
let ca: string
beforeAll(async () => {
  tls = { key: await pem('server.key'), cert: await pem('server.crt') }
  ca = await pem('ca.crt')
})
const trusting = () => quickTransport({ insecure: false, tls: () => ({ ca: [ca] }) })

test('an unknown certificate is refused', async () => {
  await using server = await serveRegistry(images, { tls })
  await expect(
    quickTransport({ insecure: false }).resolve(server.reference('ns/app', 'v1')),
  ).rejects.toMatchObject({ code: 'TRANSPORT_TLS' })
  expect(server.log).toEqual([])
})

test('a certificate of a CA that the caller names is taken', async () => {
  await using server = await serveRegistry(images, { tls })
  const transport = trusting()
  const resolved = await transport.resolve(server.reference('ns/app', 'v1'))
  const layer = image.layers[0]!
  expect((await collect(transport.openLayer(resolved, layer.descriptor))).equals(layer.blob)).toBe(true)
})

test('an insecure host needs no known certificate', async () => {
  await using server = await serveRegistry(images, { tls })
  const resolved = await quickTransport({ insecure: true }).resolve(server.reference('ns/app', 'v1'))
  expect(resolved.manifestDigest).toBe(image.manifestDigest)
})

test('a redirect from https to http is refused, unless the registry is insecure anyway', async () => {
  await using plain = await serveRegistry(images)
  await using server = await serveRegistry(images, { tls })
  server.fail('/blobs/', { redirect: `http://${plain.host}/v2/ns/app/blobs/${image.configDigest}` })
  const reference = server.reference('ns/app', 'v1')
  await expect(trusting().resolve(reference)).rejects.toMatchObject({ code: 'TRANSPORT_PROTOCOL' })
  expect(plain.log).toEqual([])
  await expect(quickTransport({ insecure: true }).resolve(reference)).resolves.toBeDefined()
})

test('passwords do not go to a token server without TLS', async () => {
  await using plain = await serveRegistry()
  const auth = { kind: 'bearer', realm: `http://${plain.host}/token` } as const
  await using server = await serveRegistry(images, { tls, auth })
  const transport = quickTransport({
    insecure: false,
    tls: () => ({ ca: [ca] }),
    credentials: () => ({ username: 'me', password: 'secret' }),
  })
  await expect(transport.resolve(server.reference('ns/app', 'v1'))).rejects.toMatchObject({
    code: 'TRANSPORT_PROTOCOL',
  })
  expect(plain.log).toEqual([])
})

test('a certificate for another name is refused, whoever signed it', async () => {
  await using server = await serveRegistry(images, { tls })
  // The same server under an address that its certificate does not name.
  const forward = createServer((socket) => {
    const onward = connect(server.port, '127.0.0.1')
    socket.on('error', () => onward.destroy()).pipe(onward)
    onward.on('error', () => socket.destroy()).pipe(socket)
  })
  await new Promise<void>((resolve) => forward.listen(server.port, '127.0.0.2', resolve))
  onTestFinished(() => void forward.close())
  const host = `127.0.0.2:${server.port}`
  await expect(
    trusting().resolve({ transport: 'registry', name: `${host}/ns/app:v1` }),
  ).rejects.toMatchObject({ code: 'TRANSPORT_TLS', details: { errno: 'ERR_TLS_CERT_ALTNAME_INVALID', host } })
  expect(server.log).toEqual([])
})

test('a name is reached over IPv4 where IPv6 does not answer', async () => {
  await using server = await serveRegistry(images, { tls })
  const name = `localhost:${server.port}/ns/app:v1`
  await expect(trusting().resolve({ transport: 'registry', name })).resolves.toBeDefined()
})
