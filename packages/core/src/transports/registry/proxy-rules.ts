import { BlockList, isIP } from 'node:net'
import { domainToASCII } from 'node:url'
import { BootcError } from '../../errors.js'

/** Proxies by the scheme of what is asked for; `URL` or `HOST[:PORT]`. */
export interface ProxySettings {
  readonly http?: string | undefined
  readonly https?: string | undefined
  /** What is asked directly, as in `NO_PROXY`: hosts with their sub-domains, `.suffix`, addresses, CIDR, `*`; `:PORT`. */
  readonly no?: string | undefined
}

/** The proxy for a URL; undefined: none. */
export type ProxyRules = (url: URL) => URL | undefined

/** `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, or the same in lower case. */
export function proxySettings(
  env: Readonly<Record<string, string | undefined>> = process.env,
): ProxySettings {
  const either = (name: string): string | undefined => env[name] || env[name.toLowerCase()] || undefined
  return { http: either('HTTP_PROXY'), https: either('HTTPS_PROXY'), no: either('NO_PROXY') }
}

/**
 * The rules of Go's programs, skopeo and podman among them. `localhost` and loopback addresses are always asked
 * directly.
 *
 * @throws BootcError `TRANSPORT_CONFIG_INVALID` for proxies that are no URL, where Go tries to connect to something,
 *   and for SOCKS, which Go can do
 * @see golang.org/x/net/http/httpproxy of Go 1.26
 */
export function proxyRules(settings: ProxySettings): ProxyRules {
  const http = parseProxy('HTTP', settings.http)
  const https = parseProxy('HTTPS', settings.https)
  const isExempt = exemptions(settings.no ?? '')
  return (url) => {
    const proxy = url.protocol === 'https:' ? https : url.protocol === 'http:' ? http : undefined
    return proxy === undefined || isExempt(targetOf(url)) ? undefined : proxy
  }
}

interface Target {
  /** Lower case, without brackets. */
  readonly host: string
  readonly port: string
  readonly family: 'ipv4' | 'ipv6' | undefined
}

function targetOf(url: URL): Target {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1').toLowerCase()
  return { host, port: url.port || (url.protocol === 'https:' ? '443' : '80'), family: familyOf(host) }
}

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

type Exemption = (target: Target) => boolean

function exemptions(list: string): Exemption {
  const rules = list
    .split(',')
    .map((entry) => entry.trim().toLowerCase())
    .flatMap((entry) => exemption(entry) ?? [])
  return (target) => {
    if (target.host === 'localhost' || listed(loopback, target)) return true
    return rules.some((rule) => rule(target))
  }
}

/** Undefined for entries that mean nothing. */
function exemption(entry: string): Exemption | undefined {
  if (entry === '') return undefined
  if (entry === '*') return () => true
  const subnet = parseSubnet(entry)
  if (subnet !== undefined) return subnet
  const { host, port } = splitPort(entry)
  if (host === '') return undefined
  const onPort = (target: Target): boolean => port === '' || port === target.port
  const family = familyOf(host)
  if (family !== undefined) {
    const addresses = new BlockList()
    addresses.addAddress(host, family)
    return (target) => listed(addresses, target) && onPort(target)
  }
  const isSuffix = host.startsWith('.') || host.startsWith('*.')
  const name = isSuffix ? host.slice(host.indexOf('.')) : `.${host}`
  const suffix = /[^\x00-\x7f]/.test(name) ? `.${domainToASCII(name.slice(1))}` : name
  return (target) =>
    target.family === undefined &&
    (target.host.endsWith(suffix) || (!isSuffix && target.host === suffix.slice(1))) &&
    onPort(target)
}

/** `HOST:PORT` and `[ADDRESS]:PORT`; everything else is a host. */
function splitPort(entry: string): { readonly host: string; readonly port: string } {
  const match = /^(?:\[([^[\]]*)\]|([^:[\]]*)):([^:]*)$/.exec(entry)
  return match ? { host: match[1] ?? match[2] ?? '', port: match[3]! } : { host: entry, port: '' }
}

function parseSubnet(entry: string): Exemption | undefined {
  const match = /^([^/]+)\/([0-9]{1,3})$/.exec(entry)
  const family = match && familyOf(match[1]!)
  if (!family || Number(match[2]) > (family === 'ipv4' ? 32 : 128)) return undefined
  const list = new BlockList()
  list.addSubnet(match[1]!, Number(match[2]), family)
  // `::/0` is about IPv6 alone.
  return (target) => (family === 'ipv4' || target.family === 'ipv6') && listed(list, target)
}

/** An IPv4 address in IPv6 notation is the IPv4 address. */
function listed(list: BlockList, { host, family }: Target): boolean {
  return family !== undefined && list.check(host, family)
}

function familyOf(host: string): 'ipv4' | 'ipv6' | undefined {
  // Zones are nothing that an address can be compared by.
  if (host.includes('%')) return undefined
  const version = isIP(host)
  return version === 4 ? 'ipv4' : version === 6 ? 'ipv6' : undefined
}

const known: ReadonlySet<string> = new Set(['http:', 'https:'])

function parseProxy(name: string, text: string | undefined): URL | undefined {
  if (text === undefined || text === '') return undefined
  const whole = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`
  const url = URL.canParse(whole) ? new URL(whole) : undefined
  if (url !== undefined && url.hostname !== '' && known.has(url.protocol)) return url
  // The text may hold a password: it is not repeated.
  throw new BootcError('TRANSPORT_CONFIG_INVALID', `the proxy for ${name} is no http:// or https:// URL`, {
    details: { scheme: name.toLowerCase() },
  })
}
