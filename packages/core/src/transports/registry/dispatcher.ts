import type { Agent, Dispatcher, Pool } from 'undici'
import { systemCertificates } from './system-ca.js'

export type AgentOptions = Agent.Options
type Undici = typeof import('undici')

/**
 * Connections to one origin, direct or through a proxy. `options.connect` is about the origin in both cases: its
 * CAs, client certificates and whether certificates count at all. A proxy is trusted by the system's CAs alone.
 *
 * TLS goes through the proxy by CONNECT; plain HTTP is asked of it by the whole URL, since many proxies allow
 * CONNECT to port 443 only.
 */
export async function dispatcherFor(
  undici: Undici,
  options: AgentOptions,
  proxy: URL | undefined,
): Promise<Dispatcher> {
  if (proxy === undefined) return new undici.Agent(options)
  const { connect, ...timeouts } = options
  const tls = typeof connect === 'object' ? connect : {}
  const isTls = proxy.protocol === 'https:'
  // Only ProxyAgent's own pools would get the time limits otherwise.
  const factory = (origin: string | URL, given: object): Pool =>
    new undici.Pool(origin, { ...given, ...timeouts } as Pool.Options)
  return new undici.ProxyAgent({
    ...timeouts,
    uri: withoutUser(proxy).href,
    ...tokenOf(proxy),
    proxyTunnel: false,
    requestTls: tls,
    proxyTls: {
      ...(tls.timeout === undefined ? {} : { timeout: tls.timeout }),
      ...(isTls ? { ca: [...(await systemCertificates())], minVersion: 'TLSv1.2' } : {}),
    },
    factory,
  })
}

/** Like Go: whenever the URL names a user, with or without a password. */
function tokenOf({ username, password }: URL): { token: string } | undefined {
  if (username === '' && password === '') return undefined
  const plain = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return { token: `Basic ${Buffer.from(plain).toString('base64')}` }
}

/** Nothing that ends up in a message may hold a password. */
function withoutUser(proxy: URL): URL {
  const url = new URL(proxy)
  url.username = ''
  url.password = ''
  return url
}
