// What the registries of this small world answer. Used by the servers of world.mjs and by the tests.
import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'

export const digestOf = (bytes) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

const tar = Buffer.alloc(1024)
const layer = gzipSync(tar)
const config = Buffer.from(
  JSON.stringify({
    architecture: 'amd64',
    os: 'linux',
    config: {},
    rootfs: { type: 'layers', diff_ids: [digestOf(tar)] },
    history: [],
  }),
)
const oci = 'application/vnd.oci.image'
export const manifestType = `${oci}.manifest.v1+json`
const manifestOf = (annotations) =>
  Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: `${oci}.manifest.v1+json`,
      config: { mediaType: `${oci}.config.v1+json`, digest: digestOf(config), size: config.length },
      layers: [{ mediaType: `${oci}.layer.v1.tar+gzip`, digest: digestOf(layer), size: layer.length }],
      annotations,
    }),
  )
export const manifest = manifestOf({ image: 'the one' })
const otherManifest = manifestOf({ image: 'another' })
export const manifestDigest = digestOf(manifest)
export const blobs = new Map([layer, config].map((bytes) => [digestOf(bytes), bytes]))

/** Everybody serves every repository, except: */
const refusals = {
  'gone.test': 404,
  'broken.test': 500,
  'denied.test': 403,
}
/** Everybody who exists. */
export const names = [
  ...['a.test', 'b.test', 'c.test', 'x.a.test', 'y.x.a.test', 'm1.test', 'm2.test', 'm3.test', 'notlocal.test'],
  ...['plain.test', 'untrusted.test', 'private.test', 'mtls.test', 'login.test', 'liar.test', 'lookaside.test'],
  ...['registry-1.docker.io', 'quay.test', ...Object.keys(refusals)],
]


const codes = { 404: 'MANIFEST_UNKNOWN', 403: 'DENIED' }

/** Is this a request for a manifest? Those for signatures do not count. */
export function isManifest(path) {
  const match = /^\/v2\/.+\/manifests\/([^/]+)$/.exec(path)
  return match !== null && !/^sha256-/.test(match[1])
}

export function answer({ host, path, authorization, hasClient, served }) {
  const bare = host.replace(/:\d+$/, '')
  const send = (status, type, body, headers = {}) => ({ status, headers: { 'content-type': type, ...headers }, body })
  const json = (status, code, headers) =>
    send(status, 'application/json', Buffer.from(JSON.stringify({ errors: [{ code, message: code.toLowerCase() }] })), headers)
  if (bare === 'mtls.test' && !hasClient) return json(403, 'DENIED')
  if (bare === 'login.test' && authorization !== `Basic ${btoa('me:s3cret')}`) {
    return json(401, 'UNAUTHORIZED', { 'www-authenticate': 'Basic realm="login"' })
  }
  if (path === '/v2/') return send(200, 'application/json', Buffer.from('{}'))
  const extra = served.find((one) => one.path === path && (one.host === undefined || one.host === host))
  if (extra !== undefined) return send(extra.status ?? 200, extra.type, Buffer.from(extra.body, 'base64'))
  const match = /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/.exec(path)
  if (match === null) return json(404, 'NOT_FOUND')
  if (match[2] === 'blobs') {
    const body = blobs.get(match[3])
    return body === undefined ? json(404, 'BLOB_UNKNOWN') : send(200, 'application/octet-stream', body)
  }
  const status = refusals[bare]
  if (status !== undefined) return json(status, codes[status] ?? 'UNKNOWN')
  const known = ['v1', 'v2', 'latest', manifestDigest].includes(match[3])
  if (!known) return json(404, 'MANIFEST_UNKNOWN')
  return send(200, manifestType, bare === 'liar.test' ? otherManifest : manifest)
}

/** What kind of failure our codes mean, in the words of the table. */
export const classes = {
  TRANSPORT_BLOCKED: 'blocked',
  TRANSPORT_UNAUTHORIZED: 'unauthorized',
  TRANSPORT_DENIED: 'denied',
  TRANSPORT_NOT_FOUND: 'not-found',
  TRANSPORT_TLS: 'tls',
  TRANSPORT_UNREACHABLE: 'unreachable',
  TRANSPORT_PROTOCOL: 'protocol',
  IMAGE_DIGEST_MISMATCH: 'digest',
  TRANSPORT_CONFIG_INVALID: 'config',
}
