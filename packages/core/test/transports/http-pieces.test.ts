import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  insufficientScope,
  knownChallenge,
  parseChallenges,
} from '../../src/transports/registry/challenge.js'
import { parseContentRange } from '../../src/transports/registry/content-range.js'
import { isLoopback } from '../../src/transports/registry/http.js'
import { authFileCredentials, ostreeCredentials } from '../../src/transports/index.js'
import { parseRetryAfter } from '../../src/transports/registry/retry.js'
import { serverWarnings } from '../../src/transports/registry/server-warnings.js'

describe('WWW-Authenticate', () => {
  const parse = (line: string) => {
    const [challenge] = parseChallenges([line])
    return challenge && { scheme: challenge.scheme, ...Object.fromEntries(challenge.params) }
  }

  test.each([
    ['Basic realm="x"', { scheme: 'basic', realm: 'x' }],
    [
      'BEARER Realm="https://a/t?x=1",Service=reg',
      { scheme: 'bearer', realm: 'https://a/t?x=1', service: 'reg' },
    ],
    [
      'Bearer realm="a \\"b\\" \\\\c", scope="r:n:pull,push"',
      { scheme: 'bearer', realm: 'a "b" \\c', scope: 'r:n:pull,push' },
    ],
    ['Bearer realm="x", broken, service="never"', { scheme: 'bearer', realm: 'x' }],
    ['Bearer realm="open', { scheme: 'bearer' }],
    ['Negotiate', { scheme: 'negotiate' }],
    ['', undefined],
    ['"quoted"', undefined],
  ])('%s', (line, expected) => {
    expect(parse(line)).toEqual(expected)
  })

  test('the first known scheme is answered', () => {
    const challenges = parseChallenges(['Negotiate', 'Basic realm="b"', 'Bearer realm="t"'])
    expect(knownChallenge(challenges)?.scheme).toBe('basic')
    expect(knownChallenge(parseChallenges(['Negotiate']))).toBeUndefined()
  })

  test('a lacking scope is found only in its full form', () => {
    const of = (tail: string) => insufficientScope(parseChallenges([`Bearer realm="r",${tail}`]))
    expect(of('error="insufficient_scope",scope="repository:a/b:pull"')).toBe('repository:a/b:pull')
    expect(of('error="insufficient_scope",scope="repository:host:5000/b:pull"')).toBe(
      'repository:host:5000/b:pull',
    )
    expect(of('error="insufficient_scope",scope="pull"')).toBeUndefined()
    expect(of('error="insufficient_scope",scope="a:b:c d:e:f"')).toBeUndefined()
    expect(of('scope="repository:a/b:pull"')).toBeUndefined()
  })

  test('no line takes long or throws', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 2000 }), (line) => {
        parseChallenges([line, `Bearer ${line}`, `Bearer a="${line}"`])
      }),
    )
    const start = performance.now()
    parseChallenges([`Bearer a="${'\\"'.repeat(50_000)}`, `Bearer ${'a='.repeat(50_000)}`])
    expect(performance.now() - start).toBeLessThan(1000)
  })
})

test.each([
  ['bytes 0-0/1', { first: 0, last: 0, total: 1 }],
  ['bytes 5-9/*', { first: 5, last: 9, total: undefined }],
  ['bytes 5-4/10', undefined],
  ['bytes 5-10/10', undefined],
  ['bytes */10', undefined],
  ['bytes 5-9/10, bytes 0-1/10', undefined],
  ['items 5-9/10', undefined],
  [undefined, undefined],
])('Content-Range %s', (value, expected) => {
  expect(parseContentRange(value)).toEqual(expected)
})

test.each([
  ['5', 5000],
  ['0', undefined],
  ['-5', undefined],
  ['Sun, 01 Jan 2034 00:00:10 GMT', 10_000],
  ['Sun, 01 Jan 2033 00:00:10 GMT', undefined],
  ['tomorrow', undefined],
  [undefined, undefined],
])('Retry-After %s', (value, expected) => {
  expect(parseRetryAfter(value, Date.UTC(2034, 0, 1))).toBe(expected)
})

test.each([
  ['299 - "text \\"quoted\\""', 'text "quoted"'],
  ['299 - "two\u0007bells"', undefined],
  ['299 - "a" "b"', undefined],
  ['199 - "other code"', undefined],
  ['299 - ""', undefined],
])('Warning %j', (header, message) => {
  expect(serverWarnings([header]).map((warning) => warning.message)).toEqual(
    message === undefined ? [] : [message],
  )
})

test.each(['127.0.0.1', '127.8.9.10:5000', 'localhost', 'LOCALHOST:1', '[::1]', '[::1]:5000'])(
  '%s is loopback',
  (host) => {
    expect(isLoopback(host)).toBe(true)
  },
)
test.each([
  '128.0.0.1',
  '127.0.0.1.evil.example',
  'localhost.example',
  '10.0.0.1:127',
  '[::2]',
  'x127.0.0.1',
])('%s is not loopback', (host) => {
  expect(isLoopback(host)).toBe(false)
})

describe('credentials of bootc', () => {
  const entry = (text: string) => ({ auth: Buffer.from(text).toString('base64') })
  const files = (map: Readonly<Record<string, unknown>>) => async (path: string) =>
    path in map ? (typeof map[path] === 'string' ? map[path] : JSON.stringify(map[path])) : undefined
  const lookup = async (map: Readonly<Record<string, unknown>>, registry: string, repository = 'ns/app') =>
    ostreeCredentials({ root: true, readText: files(map) })({ registry, repository })

  test('the first file alone decides, and none means anonymous', async () => {
    const etc = { '/etc/ostree/auth.json': { auths: { 'quay.io': entry('etc:1') } } }
    expect(await lookup({}, 'quay.io')).toBeUndefined()
    expect(await lookup(etc, 'quay.io')).toEqual({ username: 'etc', password: '1' })
    expect(await lookup({ ...etc, '/run/ostree/auth.json': {} }, 'quay.io')).toBeUndefined()
  })

  test('without root the files of the user count', async () => {
    const readText = files({ '/home/u/.config/ostree/auth.json': { auths: { 'quay.io': entry('u:p') } } })
    const source = ostreeCredentials({ root: false, env: { HOME: '/home/u' }, readText })
    expect(await source({ registry: 'quay.io', repository: 'a/b' })).toEqual({ username: 'u', password: 'p' })
  })

  test.each([
    ['quay.io', 'ns/app', 'repo'],
    ['quay.io', 'ns/other', 'namespace'],
    ['quay.io', 'else/x', 'host'],
    ['quay.io:5000', 'ns/app', undefined],
    ['quay.i', 'ns/app', undefined],
    ['docker.io', 'library/x', 'docker'],
    ['old.example', 'x/y', 'legacy'],
  ])('the most specific key wins for %s/%s', async (registry, repository, user) => {
    const auths = {
      'quay.io': entry('host:p'),
      'quay.io/ns': entry('namespace:p'),
      'quay.io/ns/app': entry('repo:p'),
      'https://index.docker.io/v1/': entry('docker:p'),
      'http://old.example/v2/': entry('legacy:p'),
    }
    const found = await lookup({ '/etc/ostree/auth.json': { auths, credHelpers: {} } }, registry, repository)
    expect(found).toEqual(user === undefined ? undefined : { username: user, password: 'p' })
  })

  test.each([
    [entry('user:pa:ss\0\0'), { username: 'user', password: 'pa:ss' }],
    [entry('no-colon'), undefined],
    [{ auth: '' }, undefined],
    [{}, undefined],
    [{ ...entry('a:b'), identitytoken: 'id' }, { identityToken: 'id' }],
  ])('entry %j', async (value, expected) => {
    expect(await lookup({ '/run/ostree/auth.json': { auths: { 'quay.io': value } } }, 'quay.io')).toEqual(
      expected,
    )
  })

  test.each([
    '{',
    '[]',
    'null',
    '{"auths": 5}',
    '{"auths": {"quay.io": "x"}}',
    '{"auths": {"quay.io": {"auth": "ü"}}}',
  ])('a malformed file is an error that does not quote it: %s', async (text) => {
    const error = (await lookup({ '/run/ostree/auth.json': text }, 'quay.io').catch(
      (e: unknown) => e,
    )) as Error
    expect(error).toMatchObject({
      code: 'TRANSPORT_CONFIG_INVALID',
      details: { path: '/run/ostree/auth.json' },
    })
    expect(error.cause).toBeUndefined()
  })

  test('a file that the caller names must be there', async () => {
    const source = authFileCredentials(
      '/x/auth.json',
      files({ '/x/auth.json': { auths: { h: entry('a:b') } } }),
    )
    expect(await source({ registry: 'h', repository: 'r' })).toEqual({ username: 'a', password: 'b' })
    await expect(
      Promise.resolve(authFileCredentials('/none', files({}))({ registry: 'h', repository: 'r' })),
    ).rejects.toMatchObject({ code: 'TRANSPORT_CONFIG_INVALID' })
  })
})
