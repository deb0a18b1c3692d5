import { expect, test } from 'vitest'
import type { Digest } from '../../src/index.js'
import { registryDestination } from '../../src/transports/destinations/registry-destination.js'
import type { HttpClient } from '../../src/transports/registry/http.js'
import { RegistryClient } from '../../src/transports/registry/registry-client.js'
import { fakeTiming } from './helpers.js'

const digest: Digest = `sha256:${'a'.repeat(64)}`

async function* nothing(): AsyncGenerator<Uint8Array> {}

/** A registry that tells every POST to go on at `location`. */
function setUp(location: string, insecure = false) {
  const asked: string[] = []
  const http: HttpClient = {
    request: ({ method, url }) => {
      asked.push(`${method} ${url.href}`)
      const status = method === 'POST' ? 202 : method === 'HEAD' ? 404 : method === 'DELETE' ? 204 : 200
      const headers = method === 'POST' ? { location } : {}
      return Promise.resolve({ status, headers, body: nothing(), discard: () => Promise.resolve() })
    },
    close: () => Promise.resolve(),
  }
  const timing = fakeTiming()
  const client = new RegistryClient('reg.example', { http, timing, userAgent: 'test', insecure })
  const destination = registryDestination(({ name }) => Promise.resolve({ name, client }), { timing })
  const target = { transport: 'registry', name: 'reg.example/ns/app:v1' } as const
  return { asked, destination, target }
}

test.each(['http://[', 'http://reg.example/up', 'file:///up'])(
  'an upload is not sent to %j by a registry with TLS',
  async (location) => {
    const { asked, destination, target } = setUp(location)
    const put = destination.putBlob(target, { digest, size: 0 }, nothing())
    await expect(put).rejects.toMatchObject({ code: 'TRANSPORT_PROTOCOL' })
    expect(asked.filter((one) => one.startsWith('PATCH http:'))).toEqual([])
  },
)

test('a registry that is insecure anyway may leave TLS', async () => {
  const { asked, destination, target } = setUp('http://other.example/up', true)
  // Its answer to the bytes is nothing that this registry ever says.
  await expect(destination.putBlob(target, { digest, size: 0 }, nothing())).rejects.toThrow()
  expect(asked).toContain('PATCH http://other.example/up')
})

test.each(['http://[', 'http://reg.example/up'])(
  'a blob that cannot be mounted is not there, and %j is not asked to forget it',
  async (location) => {
    const { asked, destination, target } = setUp(location)
    const from = { transport: 'registry', name: 'reg.example/ns/other:v1' } as const
    expect(await destination.hasBlob(target, { digest, size: 1 }, { from })).toBe(false)
    expect(asked.filter((one) => one.startsWith('DELETE'))).toEqual([])
  },
)
