import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { proxyRules, proxySettings } from '../../src/transports/registry/proxy-rules.js'

type Case = readonly [env: Record<string, string>, url: string, proxy: string]
const golden = JSON.parse(await readFile(new URL('golden/proxy-cases.json', import.meta.url), 'utf8')) as {
  readonly cases: readonly Case[]
}

test.each(golden.cases)('%j %s is asked through %j, as by programs in Go', (env, url, proxy) => {
  const found = proxyRules(proxySettings(env))(new URL(url))
  expect(found?.href).toBe(proxy === '' ? undefined : new URL(proxy).href)
})

test.each([
  'http://s.test:port',
  'http://',
  'ftp://s.test',
  'socks5://s.test:1080',
  'http://me:geheim@',
  '::',
])('%s is no proxy, and its password is not told', (https) => {
  const error = (() => {
    try {
      return proxyRules({ https })
    } catch (thrown) {
      return thrown
    }
  })()
  expect(error).toMatchObject({ code: 'TRANSPORT_CONFIG_INVALID' })
  expect(JSON.stringify(error) + String(error)).not.toContain('geheim')
})
