import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { mediaTypes } from '../../src/oci/index.js'
import { nextPage } from '../../src/transports/registry/link-header.js'
import { undiciClient } from '../../src/transports/registry/http.js'
import { RegistryClient } from '../../src/transports/registry/registry-client.js'
import { listReferrers } from '../../src/transports/registry/referrers.js'
import { listTags } from '../../src/transports/registry/tags.js'
import { fakeTiming } from './helpers.js'

interface Canned {
  readonly status?: number
  readonly headers?: Record<string, string>
  readonly body?: unknown
}

/** Answers by path and query; everything else is 404. */
async function serve(answers: Readonly<Record<string, Canned>>) {
  const log: string[] = []
  const server = createServer((request, response) => {
    if (request.url === '/v2/') return void response.end()
    log.push(request.url!)
    const { status = 200, headers = {}, body } = answers[request.url!] ?? { status: 404 }
    response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const http = undiciClient({ insecure: () => true, connectTimeoutMs: 5000, stallTimeoutMs: 5000 })
  onTestFinished(async () => {
    await http.close()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const options = { http, timing: fakeTiming(), userAgent: 'test', insecure: true }
  return { log, client: new RegistryClient(`127.0.0.1:${port}`, options) }
}

describe('tags', () => {
  const list = '/v2/ns/app/tags/list'

  test('pages follow each other by path and query, wherever the link says it leads', async () => {
    const { client, log } = await serve({
      [`${list}?n=2`]: {
        headers: { link: `<http://elsewhere.test${list}?n=2&last=b>; rel="next"` },
        body: { tags: ['b', 'a'] },
      },
      [`${list}?n=2&last=b`]: { headers: { link: `<${list}?last=c>; rel=next` }, body: { tags: ['c', 'a'] } },
      [`${list}?last=c`]: { headers: { link: `<${list}>; rel="prev"` }, body: { tags: null } },
    })
    expect(await listTags(client, 'ns/app', { pageSize: 2 })).toEqual(['b', 'a', 'c'])
    expect(log).toEqual([`${list}?n=2`, `${list}?n=2&last=b`, `${list}?last=c`])
  })

  test('digests and empty names are passed over', async () => {
    const tags = ['', `sha256:${'a'.repeat(64)}`, 'v1', `sha256-${'a'.repeat(64)}.sig`]
    const { client } = await serve({ [list]: { body: { tags } } })
    expect(await listTags(client, 'ns/app')).toEqual(tags.slice(2))
  })

  test.each([
    ['circles', { headers: { link: `<${list}>; rel="next"` }, body: { tags: ['a'] } }],
    ['no JSON', { body: '<html>' }],
    ['no list', { body: { tags: { a: 1 } } }],
    ['no text', { body: { tags: [1] } }],
    ['invalid tag', { body: { tags: ['a/b'] } }],
    ['invalid tag', { body: { tags: ['a\u001b[31m'] } }],
  ])('%s: refused', async (_, answer) => {
    const { client } = await serve({ [list]: answer })
    await expect(listTags(client, 'ns/app')).rejects.toMatchObject({ code: 'TRANSPORT_PROTOCOL' })
  })

  test('a repository that is not there is told', async () => {
    const { client } = await serve({})
    await expect(listTags(client, 'ns/app')).rejects.toMatchObject({ code: 'TRANSPORT_NOT_FOUND' })
  })
})

describe('referrers', () => {
  const subject = `sha256:${'1'.repeat(64)}` as const
  const api = `/v2/ns/app/referrers/${subject}`
  const tag = `/v2/ns/app/manifests/sha256-${'1'.repeat(64)}`
  const one = (n: number, artifactType: string) => ({
    mediaType: mediaTypes.ociManifest,
    digest: `sha256:${String(n).repeat(64)}`,
    size: n,
    artifactType,
  })
  const index = (...manifests: object[]) => ({
    headers: { 'content-type': mediaTypes.ociIndex },
    body: { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests },
  })
  const digests = async (client: RegistryClient, artifactType?: string) =>
    (await listReferrers(client, 'ns/app', subject, { artifactType })).map(({ size }) => size)

  test('the API answers, page by page', async () => {
    const first = index(one(2, 'a/b'))
    const { client } = await serve({
      [api]: { ...first, headers: { ...first.headers, link: `<${api}?page=2>; rel="next"` } },
      [`${api}?page=2`]: index(one(3, 'c/d')),
    })
    expect(await digests(client)).toEqual([2, 3])
  })

  test('a filter that the registry did not apply is applied here', async () => {
    const query = `${api}?artifactType=a%2Fb`
    const { client } = await serve({ [query]: index(one(2, 'a/b'), one(3, 'c/d')) })
    expect(await digests(client, 'a/b')).toEqual([2])
    const filtered = index(one(2, 'a/b'))
    const applied = { ...filtered.headers, 'OCI-Filters-Applied': 'other, artifactType' }
    const other = await serve({ [query]: { ...filtered, headers: applied } })
    expect(await digests(other.client, 'a/b')).toEqual([2])
  })

  test.each([404, 400, 405])('where the API answers %i the tag is read', async (status) => {
    const { client, log } = await serve({ [api]: { status }, [tag]: index(one(2, 'a/b'), one(3, 'c/d')) })
    expect(await digests(client)).toEqual([2, 3])
    expect(log).toEqual([api, tag])
    expect(
      await digests(
        (
          await serve({
            [`${api}?artifactType=c%2Fd`]: { status },
            [tag]: index(one(3, 'c/d'), one(2, 'a/b')),
          })
        ).client,
        'c/d',
      ),
    ).toEqual([3])
  })

  test('nothing there means no referrers, and so does a tag for something else', async () => {
    expect(await digests((await serve({})).client)).toEqual([])
    const image = { headers: { 'content-type': mediaTypes.ociManifest }, body: {} }
    expect(await digests((await serve({ [tag]: image })).client)).toEqual([])
    const page = { headers: { 'content-type': 'text/html' }, body: '<html>' }
    expect(await digests((await serve({ [api]: page, [tag]: index(one(2, 'a/b')) })).client)).toEqual([2])
  })

  test('failures and nonsense are told', async () => {
    const failing = await serve({ [api]: { status: 500 } })
    await expect(digests(failing.client)).rejects.toMatchObject({ code: 'TRANSPORT_PROTOCOL' })
    const denied = await serve({ [tag]: { status: 403 } })
    await expect(digests(denied.client)).rejects.toMatchObject({ code: 'TRANSPORT_DENIED' })
    const broken = await serve({ [api]: { ...index(), body: { schemaVersion: 2, manifests: [{}] } } })
    await expect(digests(broken.client)).rejects.toMatchObject({ code: 'IMAGE_MANIFEST_INVALID' })
    const looping = index(one(2, 'a/b'))
    const endless = await serve({
      [api]: { ...looping, headers: { ...looping.headers, link: `<${api}>; rel="next"` } },
    })
    await expect(digests(endless.client)).rejects.toMatchObject({ code: 'TRANSPORT_PROTOCOL' })
  })
})

test.each([
  ['</v2/a?last=b>; rel="next"', '/v2/a?last=b'],
  ['</p>; rel="prev", </n>; rel="next"', '/n'],
  ['</n>; title="x"; rel=next', '/n'],
  ['</n>; rel="first next"', '/n'],
  ['<https://other.test:1/n?x=1>; rel="next"', '/n?x=1'],
  ['<list?last=b>; rel="next"', '/v2/list?last=b'],
  ['</n>', undefined],
  ['</n>; rel="nextish"', undefined],
  ['/n; rel="next"', undefined],
])('link %s leads to %s', (link, expected) => {
  const url = new URL('http://registry.test/v2/tags')
  const next = nextPage({ headers: { link }, url })
  expect(next && next.pathname + next.search).toBe(expected)
  expect(next?.origin ?? url.origin).toBe(url.origin)
})
