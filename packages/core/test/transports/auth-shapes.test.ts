import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { undiciClient } from '../../src/transports/registry/http.js'
import { RegistryClient } from '../../src/transports/registry/registry-client.js'
import type { CredentialSource } from '../../src/transports/index.js'
import { fakeTiming } from './helpers.js'

type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void

async function serve(handler: Handler) {
  const log: string[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => void chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString()
      log.push(`${request.method} ${request.url} ${request.headers.authorization ?? '-'} ${body}`.trim())
      handler(request, response, body)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return { log, host: `127.0.0.1:${(server.address() as AddressInfo).port}` }
}

function client(host: string, credentials?: CredentialSource) {
  const http = undiciClient({ insecure: () => true, connectTimeoutMs: 5000, stallTimeoutMs: 5000 })
  onTestFinished(() => http.close())
  const options = { http, timing: fakeTiming(), userAgent: 'test', insecure: true, credentials }
  return new RegistryClient(host, options)
}

const json = (response: ServerResponse, value: object): void => void response.end(JSON.stringify(value))

/** A registry that challenges at the ping, and takes `Bearer good`. */
const registry =
  (challenges: (host: string) => string[], token: Handler): Handler =>
  (request, response, body) => {
    const host = `http://${request.headers.host}`
    if (request.url!.startsWith('/token')) return token(request, response, body)
    if (request.headers.authorization === 'Bearer good') return void response.end('{}')
    response.writeHead(401, { 'www-authenticate': challenges(host) }).end()
  }

test('of several headers the first known scheme is answered', async () => {
  const { host, log } = await serve(
    registry(
      (at) => ['Negotiate', 'Foo realm="x"', `Bearer realm="${at}/token",service="s"`, 'Basic realm="b"'],
      (_, response) => json(response, { token: 'good' }),
    ),
  )
  expect((await client(host).get('ns/app', 'manifests/v1')).status).toBe(200)
  expect(log).toContain('GET /token?scope=repository%3Ans%2Fapp%3Apull&service=s -')
})

test('without a service none is named, and a realm keeps its own query', async () => {
  const { host, log } = await serve(
    registry(
      (at) => [`Bearer realm="${at}/token?a=b%20c"`],
      (_, response) => json(response, { token: '', access_token: 'good' }),
    ),
  )
  expect((await client(host).get('ns/app', 'manifests/v1')).status).toBe(200)
  expect(log.find((line) => line.includes('/token'))).toMatch(
    /^GET \/token\?a=b(%20|\+)c&scope=repository%3Ans%2Fapp%3Apull -$/,
  )
})

test('writing asks for both actions, and for further scopes by parameters of their own', async () => {
  const { host, log } = await serve(
    registry(
      (at) => [`Bearer realm="${at}/token",service="s",scope="repository:other:pull"`],
      (_, response) => json(response, { token: 'good', expires_in: 1 }),
    ),
  )
  const registryClient = client(host, () => ({ username: 'me', password: 'pw' }))
  const scopes = ['repository:ns/base:pull']
  await (await registryClient.send('ns/app', { method: 'POST', path: 'blobs/uploads/', scopes })).discard()
  const query =
    'account=me&scope=repository%3Ans%2Fapp%3Apull%2Cpush&scope=repository%3Ans%2Fbase%3Apull&service=s'
  expect(log).toContain(`GET /token?${query} Basic ${btoa('me:pw')}`)
})

test('an identity token is posted to the realm, and follows no redirect', async () => {
  const thief = await serve((_, response) => json(response, { token: 'stolen' }))
  const { host, log } = await serve(
    registry(
      (at) => [`Bearer realm="${at}/token",service="s"`],
      (_, response) => void response.writeHead(307, { location: `http://${thief.host}/token` }).end(),
    ),
  )
  const asking = client(host, () => ({ identityToken: 'geheim' })).get('ns/app', 'manifests/v1')
  await expect(asking).rejects.toMatchObject({ code: 'TRANSPORT_PROTOCOL' })
  expect(log.some((line) => line.includes('refresh_token=geheim'))).toBe(true)
  expect(thief.log).toEqual([])
})

test('a registry that asks for nothing at first and refuses later is not asked again and again', async () => {
  const { host, log } = await serve((request, response) => {
    if (request.url === '/v2/') return void response.end()
    response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end()
  })
  const response = await client(host, () => ({ username: 'me', password: 'pw' })).get(
    'ns/app',
    'manifests/v1',
  )
  expect(response.status).toBe(401)
  expect(log).toHaveLength(2)
})
