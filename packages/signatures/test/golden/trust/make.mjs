// Makes cases.json: configuration files, a reference, and what the real skopeo does with them.
//
//   unshare --net --mount node make.mjs CHROOT WORK
//
// Keys are made anew each time; nobody else has them. See world.mjs for the places that exist.
import { execFileSync } from 'node:child_process'
import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { manifestDigest } from './answers.mjs'
import { certificate, day, ext, logEntry, newKey } from './x509.mjs'

const [chroot, work] = process.argv.slice(2)
const here = import.meta.dirname
const cases = []
const A = 'docker://a.test/ns/app:v1'
const byDigest = `docker://a.test/ns/app@${manifestDigest}`

function add(id, about) {
  if (cases.some((one) => one.id === id)) throw new Error(`two cases ${id}`)
  cases.push({ id, ...about })
}

const main = 'etc/containers/registries.conf'
const dropIn = (name) => `etc/containers/registries.conf.d/${name}`
const userMain = 'root/.config/containers/registries.conf'
const userDropIn = (name) => `root/.config/containers/registries.conf.d/${name}`

/** Where an image is looked for. */
const find = (id, conf, reference = A, files = {}) =>
  add(`find/${id}`, { kind: 'find', reference, files: { ...(conf === undefined ? {} : { [main]: conf }), ...files } })

const table = (members, mirrors = []) =>
  `[[registry]]\n${toml(members)}${mirrors.map((one) => `[[registry.mirror]]\n${toml(typeof one === 'string' ? { location: one } : one)}`).join('')}`
const toml = (members) =>
  Object.entries(members)
    .map(([key, value]) => `${key} = ${JSON.stringify(value)}\n`)
    .join('')

// --- Files -----------------------------------------------------------------------------------------------------
find('no-files', undefined)
find('empty-file', '')
find('unknown-keys', 'future = 1\n[[registry]]\nlocation = "a.test"\nfuture = true\n')
find('not-toml', '[[registry]\n')
find('not-utf8', '@base64://///w==')
find('bom', '\ufeff[[registry]]\nlocation="a.test"\nblocked=true\n')
find('location-number', '[[registry]]\nlocation = 1\n')
find('insecure-text', '[[registry]]\nlocation = "a.test"\ninsecure = "true"\n')
find('registry-single-table', '[registry]\nlocation = "a.test"\n')
find('registry-text', 'registry = "a.test"\n')
find('mirror-text', '[[registry]]\nlocation="a.test"\nmirror=["m1.test"]\n')
find('key-case', '[[registry]]\nLocation = "a.test"\nBLOCKED = true\n')
find('table-case', '[[Registry]]\nlocation = "a.test"\nblocked = true\n')
find('duplicate-key', '[[registry]]\nlocation = "a.test"\nlocation = "b.test"\n')
find('neither-location-nor-prefix', '[[registry]]\nblocked = true\n')
find('prefix-without-location', '[[registry]]\nprefix = "a.test"\n')
find('location-url', '[[registry]]\nlocation = "https://a.test"\n')
find('prefix-url', '[[registry]]\nprefix="http://a.test"\nlocation = "a.test"\n')
find('mirror-url', table({ location: 'a.test' }, ['https://m1.test']))
find('mirror-without-location', table({ location: 'a.test' }, [{ insecure: true }]))
find('unrelated-table-broken', '[[registry]]\nlocation = "https://other.test"\n')
find('trailing-slash', table({ location: 'a.test/', blocked: true }))
find('trailing-slashes-prefix', table({ prefix: 'a.test///', location: 'b.test//' }))
find('conflict-insecure', table({ prefix: 'a.test/x', location: 'c.test' }) + table({ prefix: 'a.test/y', location: 'c.test', insecure: true }))
find('conflict-blocked', table({ prefix: 'a.test/x', location: 'c.test' }) + table({ prefix: 'a.test/y', location: 'c.test', blocked: true }))
find('duplicate-prefix-first-wins', table({ prefix: 'a.test', location: 'b.test' }) + table({ prefix: 'a.test', location: 'c.test' }))
find('search-url', 'unqualified-search-registries = ["https://a.test"]\n')
find('search-with-path', 'unqualified-search-registries = ["a.test/ns"]\n')
find('search-trailing-slash', 'unqualified-search-registries = ["a.test/"]\n')
find('search-not-list', 'unqualified-search-registries = "a.test"\n')
find('short-name-mode-unknown', 'short-name-mode = "strict"\n')
find('short-name-mode-enforcing', 'short-name-mode = "enforcing"\n')
find('short-name-mode-empty', 'short-name-mode = ""\n')
find('alias-good', '[aliases]\n"app" = "a.test/ns/app"\n')
find('alias-with-tag', '[aliases]\n"app" = "a.test/ns/app:v1"\n')
find('alias-key-with-tag', '[aliases]\n"app:v1" = "a.test/ns/app"\n')
find('alias-key-with-registry', '[aliases]\n"a.test/app" = "a.test/ns/app"\n')
find('alias-without-registry', '[aliases]\n"app" = "ns/app"\n')
find('alias-erased', '[aliases]\n"app" = ""\n')
find('alias-number', '[aliases]\n"app" = 1\n')

// --- Version 1 -------------------------------------------------------------------------------------------------
find('v1-block', '[registries.block]\nregistries = ["a.test"]\n')
find('v1-insecure', '[registries.insecure]\nregistries = ["plain.test"]\n', 'docker://plain.test/ns/app:v1')
find('v1-search-only', '[registries.search]\nregistries = ["a.test"]\n')
find('v1-mixed', '[registries.block]\nregistries = ["b.test"]\n[[registry]]\nlocation = "a.test"\n')
find('v1-mixed-with-search', 'unqualified-search-registries = []\n[registries.block]\nregistries = []\n')
find('v1-in-drop-in', '', A, { [dropIn('1.conf')]: '[registries.block]\nregistries = ["a.test"]\n' })
find('v1-then-drop-in', '[registries.block]\nregistries = ["a.test"]\n', A, { [dropIn('1.conf')]: table({ location: 'a.test' }) })
find('v1-empty-tables', '[registries.block]\n[registries.insecure]\n[[registry]]\nlocation = "a.test"\n')
find('v1-url', '[registries.block]\nregistries = ["https://a.test"]\n')

// --- Prefixes --------------------------------------------------------------------------------------------------
find('prefix-host', table({ prefix: 'a.test', location: 'b.test' }))
find('prefix-path', table({ prefix: 'a.test/ns', location: 'b.test/other' }))
find('prefix-repository', table({ prefix: 'a.test/ns/app', location: 'b.test/x' }))
find('prefix-with-tag', table({ prefix: 'a.test/ns/app:v1', location: 'b.test/x' }))
find('prefix-with-digest', table({ prefix: `a.test/ns/app@${manifestDigest}`, location: 'b.test/x' }), byDigest)
find('prefix-half-component', table({ prefix: 'a.test/n', location: 'b.test' }))
find('prefix-half-host', table({ prefix: 'a.tes', location: 'b.test' }))
find('prefix-longest', table({ prefix: 'a.test', location: 'b.test' }) + table({ prefix: 'a.test/ns', location: 'c.test' }))
find('prefix-longest-first', table({ prefix: 'a.test/ns', location: 'c.test' }) + table({ prefix: 'a.test', location: 'b.test' }))
find('prefix-longest-without-mirrors', table({ location: 'a.test' }, ['m1.test']) + table({ location: 'a.test/ns' }))
find('prefix-port', table({ prefix: 'a.test', location: 'b.test' }), 'docker://a.test:5000/ns/app:v1')
find('prefix-other-port', table({ prefix: 'a.test:5001', location: 'b.test' }), 'docker://a.test:5000/ns/app:v1')
find('prefix-same-port', table({ prefix: 'a.test:5000', location: 'b.test' }), 'docker://a.test:5000/ns/app:v1')
find('prefix-explicit-443', table({ prefix: 'a.test', location: 'b.test' }), 'docker://a.test:443/ns/app:v1')
find('wildcard-subdomain', table({ prefix: '*.a.test', location: 'b.test' }), 'docker://x.a.test/ns/app:v1')
find('wildcard-two-levels', table({ prefix: '*.a.test', location: 'b.test' }), 'docker://y.x.a.test/ns/app:v1')
find('wildcard-not-itself', table({ prefix: '*.a.test', location: 'b.test' }))
find('wildcard-port', table({ prefix: '*.a.test', location: 'b.test' }), 'docker://x.a.test:5000/ns/app:v1')
find('wildcard-without-location', '[[registry]]\nprefix = "*.a.test"\nblocked = true\n', 'docker://x.a.test/ns/app:v1')
find('wildcard-without-location-open', '[[registry]]\nprefix = "*.a.test"\n', 'docker://x.a.test/ns/app:v1')
find('wildcard-mirrors', `[[registry]]\nprefix = "*.a.test"\n[[registry.mirror]]\nlocation = "m1.test/copy"\n`, 'docker://x.a.test/ns/app:v1')
find('wildcard-path', table({ prefix: '*.a.test/ns', location: 'b.test' }), 'docker://x.a.test/ns/app:v1')
find('wildcard-with-port-in-prefix', table({ prefix: '*.a.test:5000', location: 'b.test' }))
find('wildcard-in-the-middle', table({ prefix: 'x.*.test', location: 'b.test' }), 'docker://x.a.test/ns/app:v1')
find('wildcard-against-exact', table({ prefix: '*.a.test', location: 'b.test' }) + table({ prefix: 'x.a.test', location: 'c.test' }), 'docker://x.a.test/ns/app:v1')
find('wildcard-longer-host-wins', table({ prefix: '*.x.a.test', location: 'c.test' }) + table({ prefix: '*.a.test', location: 'b.test' }), 'docker://y.x.a.test/ns/app:v1')
find('wildcard-in-path-only', table({ prefix: '*.a.test', location: 'b.test' }), 'docker://b.test/x.a.test/app:v1')
find('prefix-case', table({ prefix: 'A.test', location: 'b.test' }))

// --- Rewriting -------------------------------------------------------------------------------------------------
find('rewrite-keeps-digest', table({ prefix: 'a.test', location: 'b.test/proxy' }), byDigest)
find('rewrite-keeps-port', table({ prefix: 'a.test', location: 'b.test:5000' }))
find('rewrite-not-canonical', table({ prefix: 'a.test/ns', location: 'docker.io' }))
find('rewrite-to-no-registry', table({ prefix: 'a.test/ns', location: 'mirror' }))
find('rewrite-invalid-name', table({ prefix: 'a.test', location: 'b.test/UPPER' }))
find('rewrite-mirror-invalid-name', table({ location: 'a.test' }, ['m1.test/UPPER']))
find('rewrite-once-only', table({ prefix: 'a.test', location: 'b.test' }) + table({ prefix: 'b.test', location: 'c.test' }))
find('docker-io-short', table({ prefix: 'docker.io', location: 'b.test' }), 'docker://busybox:v1')
find('docker-io-library', table({ prefix: 'docker.io/library', location: 'b.test/hub' }), 'docker://busybox:v1')
find('docker-io-plain', '', 'docker://ns/app:v1')
find('docker-io-mirror', table({ location: 'docker.io' }, ['m1.test']), 'docker://busybox:v1')
find('default-tag', table({ prefix: 'a.test', location: 'b.test' }), 'docker://a.test/ns/app')

// --- Mirrors ---------------------------------------------------------------------------------------------------
find('mirror-first', table({ location: 'a.test' }, ['m1.test']))
find('mirrors-in-order', table({ location: 'a.test' }, ['m2.test', 'm1.test']))
for (const bad of ['gone.test', 'broken.test', 'denied.test', 'login.test', 'untrusted.test', 'plain.test', 'nowhere.test']) {
  find(`mirror-falls-through-${bad}`, table({ location: 'a.test' }, [bad, 'm1.test']))
}
find('mirror-all-bad', table({ location: 'a.test' }, ['gone.test', 'broken.test']))
find('mirror-and-primary-bad', table({ prefix: 'a.test', location: 'gone.test' }, ['broken.test']))
find('mirror-ok-primary-bad', table({ prefix: 'a.test', location: 'gone.test' }, ['m1.test']))
find('primary-unreachable', table({ prefix: 'a.test', location: 'nowhere.test' }, ['gone.test']))
find('primary-denied', '', 'docker://denied.test/ns/app:v1')
find('primary-gone', '', 'docker://gone.test/ns/app:v1')
find('primary-broken', '', 'docker://broken.test/ns/app:v1')
find('primary-untrusted', '', 'docker://untrusted.test/ns/app:v1')
find('primary-login', '', 'docker://login.test/ns/app:v1')
find('mirror-with-path', table({ location: 'a.test' }, ['m1.test/copies/a']))
find('mirror-prefix-path', table({ location: 'a.test/ns' }, ['m1.test/copies']))
find('mirror-not-followed-again', table({ location: 'a.test' }, ['m1.test']) + table({ location: 'm1.test' }, ['m2.test']))
const use = (value) => ({ location: 'm1.test', 'pull-from-mirror': value })
for (const value of ['all', 'digest-only', 'tag-only', '']) {
  find(`use-${value || 'empty'}-by-tag`, table({ location: 'a.test' }, [use(value)]))
  find(`use-${value || 'empty'}-by-digest`, table({ location: 'a.test' }, [use(value)]), byDigest)
}
find('use-unknown', table({ location: 'a.test' }, [use('sometimes')]))
find('use-on-registry', table({ location: 'a.test', 'pull-from-mirror': 'all' }))
find('use-mixed-by-tag', table({ location: 'a.test' }, [use('digest-only'), 'm2.test', { location: 'm3.test', 'pull-from-mirror': 'tag-only' }]))
find('use-mixed-by-digest', table({ location: 'a.test' }, [{ location: 'm3.test', 'pull-from-mirror': 'tag-only' }, use('digest-only'), 'm2.test']), byDigest)
find('digest-only-by-tag', table({ location: 'a.test', 'mirror-by-digest-only': true }, ['m1.test']))
find('digest-only-by-digest', table({ location: 'a.test', 'mirror-by-digest-only': true }, ['m1.test', 'm2.test']), byDigest)
find('digest-only-and-use', table({ location: 'a.test', 'mirror-by-digest-only': true }, [use('all')]))
find('digest-missing-everywhere', table({ location: 'a.test' }, ['m1.test']), `docker://a.test/ns/app@sha256:${'0'.repeat(64)}`)

// --- Insecure --------------------------------------------------------------------------------------------------
find('insecure-plain', table({ location: 'plain.test', insecure: true }), 'docker://plain.test/ns/app:v1')
find('secure-plain', table({ location: 'plain.test' }), 'docker://plain.test/ns/app:v1')
find('insecure-untrusted', table({ location: 'untrusted.test', insecure: true }), 'docker://untrusted.test/ns/app:v1')
find('insecure-plain-port', table({ location: 'a.test:5080', insecure: true }), 'docker://a.test:5080/ns/app:v1')
find('secure-plain-port', '', 'docker://a.test:5080/ns/app:v1')
find('insecure-mirror', table({ location: 'a.test' }, [{ location: 'plain.test', insecure: true }]))
find('insecure-registry-secure-mirror', table({ location: 'a.test', insecure: true }, ['plain.test']))
find('insecure-prefers-https', table({ location: 'a.test', insecure: true }))
find('mirror-insecure-by-its-own-table', table({ location: 'a.test' }, ['plain.test']) + table({ location: 'plain.test', insecure: true }))
find('insecure-other-repository', table({ location: 'plain.test/other', insecure: true }), 'docker://plain.test/ns/app:v1')
find('insecure-by-repository', table({ location: 'plain.test/ns', insecure: true }), 'docker://plain.test/ns/app:v1')

// --- Blocked ---------------------------------------------------------------------------------------------------
find('blocked', table({ location: 'a.test', blocked: true }))
find('blocked-other-repository', table({ location: 'a.test/other', blocked: true }))
find('blocked-repository', table({ location: 'a.test/ns/app', blocked: true }))
find('blocked-parent-open-child', table({ location: 'a.test', blocked: true }) + table({ location: 'a.test/ns' }))
find('blocked-with-mirror', table({ location: 'a.test', blocked: true }, ['m1.test']))
find('blocked-with-bad-mirror', table({ location: 'a.test', blocked: true }, ['gone.test']))
find('blocked-mirror', table({ location: 'a.test' }, ['m1.test']) + table({ location: 'm1.test', blocked: true }))
find('blocked-target-of-rewrite', table({ prefix: 'a.test', location: 'b.test' }) + table({ location: 'b.test', blocked: true }))
find('blocked-false', table({ location: 'a.test', blocked: false }))
find('blocked-in-drop-in', '', A, { [dropIn('1.conf')]: table({ location: 'a.test', blocked: true }) })

// --- Drop-ins and files of users -------------------------------------------------------------------------------
find('drop-in-without-main', undefined, A, { [dropIn('1.conf')]: table({ prefix: 'a.test', location: 'b.test' }) })
find('drop-in-replaces-table', table({ location: 'a.test' }, ['m1.test']), A, { [dropIn('1.conf')]: table({ location: 'a.test' }) })
find('drop-ins-by-name', '', A, {
  [dropIn('2.conf')]: table({ prefix: 'a.test', location: 'c.test' }),
  [dropIn('10.conf')]: table({ prefix: 'a.test', location: 'b.test' }),
})
find('drop-in-other-suffix', '', A, { [dropIn('1.conf.bak')]: table({ location: 'a.test', blocked: true }) })
find('drop-in-hidden', '', A, { [dropIn('.x.conf')]: table({ location: 'a.test', blocked: true }) })
find('drop-in-nested', '', A, { 'etc/containers/registries.conf.d/sub/1.conf': table({ location: 'a.test', blocked: true }) })
find('drop-in-broken', '', A, { [dropIn('1.conf')]: '[[registry]\n' })
find('drop-in-conflict-with-main-is-none', table({ prefix: 'a.test', location: 'b.test' }), A, {
  [dropIn('1.conf')]: table({ prefix: 'c.test', location: 'b.test', insecure: true }),
})
find('user-main-wins', table({ location: 'a.test', blocked: true }), A, { [userMain]: '' })
find('user-main-hides-system-drop-ins', '', A, {
  [userMain]: '',
  [dropIn('1.conf')]: table({ location: 'a.test', blocked: true }),
})
find('user-main-with-own-drop-ins', '', A, {
  [userMain]: '',
  [userDropIn('1.conf')]: table({ prefix: 'a.test', location: 'b.test' }),
})
find('user-drop-ins-after-system', '', A, {
  [dropIn('9.conf')]: table({ prefix: 'a.test', location: 'b.test' }),
  [userDropIn('1.conf')]: table({ prefix: 'a.test', location: 'c.test' }),
})

// --- Certificates and credentials ------------------------------------------------------------------------------
const P = 'docker://private.test/ns/app:v1'
const ca = '@cert:hidden-ca.crt'
find('certs-d', '', P, { 'etc/containers/certs.d/private.test/ca.crt': ca })
find('certs-d-docker', '', P, { 'etc/docker/certs.d/private.test/ca.crt': ca })
find('certs-d-user', '', P, { 'root/.config/containers/certs.d/private.test/ca.crt': ca })
find('certs-d-first-directory-only', '', P, {
  'etc/containers/certs.d/private.test/readme': 'none',
  'etc/docker/certs.d/private.test/ca.crt': ca,
})
find('certs-d-wrong-suffix', '', P, { 'etc/containers/certs.d/private.test/ca.pem': ca })
find('certs-d-other-port', '', P, { 'etc/containers/certs.d/private.test:443/ca.crt': ca })
find('certs-d-port', '', 'docker://private.test:5000/ns/app:v1', { 'etc/containers/certs.d/private.test:5000/ca.crt': ca })
find('certs-d-port-missing', '', 'docker://private.test:5000/ns/app:v1', { 'etc/containers/certs.d/private.test/ca.crt': ca })
find('certs-d-mirror', table({ location: 'a.test' }, ['private.test']), A, { 'etc/containers/certs.d/private.test/ca.crt': ca })
find('certs-d-cert-without-key', '', A, { 'etc/containers/certs.d/a.test/client.cert': '@cert:client.crt' })
find('certs-d-key-without-cert', '', A, { 'etc/containers/certs.d/a.test/client.key': '@cert:client.key' })
find('certs-d-client', '', 'docker://mtls.test/ns/app:v1', {
  'etc/containers/certs.d/mtls.test/client.cert': '@cert:client.crt',
  'etc/containers/certs.d/mtls.test/client.key': '@cert:client.key',
})
find('certs-d-client-missing', '', 'docker://mtls.test/ns/app:v1')
find('certs-d-bad-for-mirror-only', table({ location: 'a.test' }, ['m1.test']), A, { 'etc/containers/certs.d/m1.test/client.cert': '@cert:client.crt' })
const auth = (auths, more = {}) => ({ 'root/.config/containers/auth.json': JSON.stringify({ auths, ...more }) })
const me = { auth: btoa('me:s3cret') }
find('auth-host', '', 'docker://login.test/ns/app:v1', auth({ 'login.test': me }))
find('auth-namespace', '', 'docker://login.test/ns/app:v1', auth({ 'login.test/ns': me, 'login.test': { auth: btoa('me:wrong') } }))
find('auth-other-namespace', '', 'docker://login.test/ns/app:v1', auth({ 'login.test/other': me }))
find('auth-wrong', '', 'docker://login.test/ns/app:v1', auth({ 'login.test': { auth: btoa('me:wrong') } }))
find('auth-of-mirror', table({ location: 'a.test' }, ['login.test']), A, auth({ 'login.test': me }))
find('auth-of-logical-name-is-not-for-the-mirror', table({ location: 'a.test' }, ['login.test']), A, auth({ 'a.test': me }))

// --- policy.json: the file -------------------------------------------------------------------------------------
const policyFile = 'etc/containers/policy.json'
const accept = { type: 'insecureAcceptAnything' }
const reject = { type: 'reject' }
const check = (id, policy, reference = A, files = {}, served = []) =>
  add(`policy/${id}`, {
    kind: 'copy',
    reference,
    files: {
      [main]: '',
      ...(policy === undefined ? {} : { [policyFile]: typeof policy === 'string' ? policy : JSON.stringify(policy) }),
      ...files,
    },
    ...(served.length === 0 ? {} : { served }),
  })
check('accept', { default: [accept] })
check('reject', { default: [reject] })
check('not-json', '{')
check('empty', '')
check('unknown-key', { default: [accept], extra: 1 })
check('no-default', { transports: {} })
check('default-null', { default: null })
check('default-empty', { default: [] })
check('default-object', { default: accept })
check('duplicate-default', '{"default":[{"type":"reject"}],"default":[{"type":"insecureAcceptAnything"}]}')
check('duplicate-type', '{"default":[{"type":"reject","type":"insecureAcceptAnything"}]}')
check('trailing-text', '{"default":[{"type":"insecureAcceptAnything"}]} x')
check('key-case', '{"Default":[{"type":"insecureAcceptAnything"}]}')
check('unknown-type', { default: [{ type: 'zzz' }] })
check('no-type', { default: [{}] })
check('accept-with-more', { default: [{ ...accept, x: 1 }] })
check('transports-null', '{"default":[{"type":"insecureAcceptAnything"}],"transports":null}')
check('transports-list', { default: [accept], transports: [] })
check('unknown-transport', { default: [accept], transports: { zzz: { '/x': [reject] } } })
check('unknown-transport-empty-list', { default: [accept], transports: { zzz: { '': [] } } })
check('scope-empty-list', { default: [accept], transports: { docker: { 'b.test': [] } } })
check('dir-scope-relative', { default: [accept], transports: { dir: { 'x/y': [accept] } } })
check('dir-scope-root', { default: [accept], transports: { dir: { '/': [accept] } } })
check('dir-scope-unclean', { default: [accept], transports: { dir: { '/x/../y': [accept] } } })
check('dir-scope-slash', { default: [accept], transports: { dir: { '/x/': [accept] } } })
check('archive-scope', { default: [accept], transports: { 'docker-archive': { x: [accept] } } })
check('archive-scope-empty', { default: [accept], transports: { 'docker-archive': { '': [accept] } } })
check('daemon-scope-digest', { default: [accept], transports: { 'docker-daemon': { [manifestDigest]: [accept] } } })
check('storage-scope', { default: [accept], transports: { 'containers-storage': { '[overlay@/var/lib]': [accept] } } })
check('storage-scope-bad', { default: [accept], transports: { 'containers-storage': { 'a.test': [accept] } } })
check('user-file-wins', { default: [reject] }, A, { 'root/.config/containers/policy.json': JSON.stringify({ default: [accept] }) })
check('user-file-rejects', { default: [accept] }, A, { 'root/.config/containers/policy.json': JSON.stringify({ default: [reject] }) })
check('all-must-hold', { default: [accept, reject] })
check('all-must-hold-turned', { default: [reject, accept] })
check('twice-accepted', { default: [accept, accept] })

// --- policy.json: scopes ---------------------------------------------------------------------------------------
const scopes = (lists) => ({ default: [reject], transports: { docker: Object.fromEntries(lists.map((scope) => [scope, [accept]])) } })
const against = (scope) => ({ default: [reject], transports: { docker: { '': [accept], 'a.test': [accept], [scope]: [reject] } } })
for (const [id, scope] of Object.entries({
  'full-name': 'a.test/ns/app:v1',
  repository: 'a.test/ns/app',
  namespace: 'a.test/ns',
  host: 'a.test',
  'domain-above': '*.test',
  transport: '',
})) {
  check(`scope-${id}`, scopes([scope]))
}
check('scope-other-tag', scopes(['a.test/ns/app:v2']))
check('scope-half-name', scopes(['a.test/n']))
check('scope-digest-against-tag', scopes([`a.test/ns/app@${manifestDigest}`]))
check('scope-digest', scopes([`a.test/ns/app@${manifestDigest}`]), byDigest)
check('scope-tag-against-digest', scopes(['a.test/ns/app:v1']), byDigest)
check('scope-specific-wins', against('a.test/ns'))
check('scope-tag-wins', against('a.test/ns/app:v1'))
check('scope-host-without-port', scopes(['a.test']), 'docker://a.test:5000/ns/app:v1')
check('scope-host-with-port', scopes(['a.test:5000']), 'docker://a.test:5000/ns/app:v1')
check('scope-domain-with-port', scopes(['*.test']), 'docker://a.test:5000/ns/app:v1')
check('scope-wildcard-sub', scopes(['*.a.test']), 'docker://x.a.test/ns/app:v1')
check('scope-wildcard-two-levels', scopes(['*.a.test']), 'docker://y.x.a.test/ns/app:v1')
check('scope-wildcard-not-itself', scopes(['*.a.test']))
check('scope-wildcard-path', scopes(['*.a.test/ns']), 'docker://x.a.test/ns/app:v1')
check('scope-logical-name-of-mirror', scopes(['a.test']), A, { [main]: table({ location: 'a.test' }, ['m1.test']) })
check('scope-mirror-name-does-not-count', scopes(['m1.test']), A, { [main]: table({ location: 'a.test' }, ['m1.test']) })
check('scope-docker-io', scopes(['docker.io/library/busybox']), 'docker://busybox:v1')
check('scope-docker-io-short', scopes(['busybox']), 'docker://busybox:v1')
check('scope-default-tag', scopes(['a.test/ns/app:latest']), 'docker://a.test/ns/app')
const paths = (transport, scope) => ({ default: [reject], transports: { [transport]: { [scope]: [accept] } } })
check('dir-exact', paths('dir', `${work}/images/dir`), `dir:${work}/images/dir`)
check('dir-parent', paths('dir', `${work}/images`), `dir:${work}/images/dir`)
check('dir-other', paths('dir', `${work}/other`), `dir:${work}/images/dir`)
check('dir-half', paths('dir', `${work}/imag`), `dir:${work}/images/dir`)
check('dir-transport', paths('dir', ''), `dir:${work}/images/dir`)
check('oci-exact', paths('oci', `${work}/images/layout`), `oci:${work}/images/layout:v1`)
check('oci-with-tag', paths('oci', `${work}/images/layout:v1`), `oci:${work}/images/layout:v1`)
check('oci-parent', paths('oci', `${work}`), `oci:${work}/images/layout:v1`)
check('oci-by-docker-scope', paths('docker', ''), `oci:${work}/images/layout:v1`)

// --- policy.json: requirements of signatures, the file ---------------------------------------------------------
const key = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const otherKey = generateKeyPairSync('ec', { namedCurve: 'P-384' })
const rsaKey = generateKeyPairSync('rsa', { modulusLength: 2048 })
const edKey = generateKeyPairSync('ed25519')
const pem = (pair) => pair.publicKey.export({ type: 'spki', format: 'pem' })
const data = (text) => Buffer.from(text).toString('base64')
const keyData = data(pem(key))
const otherData = data(pem(otherKey))
const keyFiles = { 'etc/containers/keys/one.pub': pem(key), 'etc/containers/keys/other.pub': pem(otherKey) }
const only = (requirement) => ({ default: [reject], transports: { docker: { 'a.test': [requirement] } } })
const sigstore = (members) => ({ type: 'sigstoreSigned', ...members })
const gpg = (members) => ({ type: 'signedBy', keyType: 'GPGKeys', ...members })
const repository = { signedIdentity: { type: 'matchRepository' } }
const fulcio = { caData: data('x'), oidcIssuer: 'i', subjectEmail: 'e' }
for (const [id, requirement] of Object.entries({
  'sigstore-no-key': sigstore({}),
  'sigstore-two-keys': sigstore({ keyPath: '/k', keyData }),
  'sigstore-empty-paths': sigstore({ keyPaths: [] }),
  'sigstore-empty-datas': sigstore({ keyDatas: [] }),
  'sigstore-key-not-base64': sigstore({ keyData: '!' }),
  'sigstore-unknown-key': sigstore({ keyData, x: 1 }),
  'sigstore-fulcio-without-rekor': sigstore({ fulcio }),
  'sigstore-fulcio-no-ca': sigstore({ fulcio: { oidcIssuer: 'i', subjectEmail: 'e' }, rekorPublicKeyData: keyData }),
  'sigstore-fulcio-no-issuer': sigstore({ fulcio: { caData: data('x'), subjectEmail: 'e' }, rekorPublicKeyData: keyData }),
  'sigstore-fulcio-no-email': sigstore({ fulcio: { caData: data('x'), oidcIssuer: 'i' }, rekorPublicKeyData: keyData }),
  'sigstore-fulcio-unknown-key': sigstore({ fulcio: { ...fulcio, x: 1 }, rekorPublicKeyData: keyData }),
  'sigstore-two-rekor': sigstore({ keyData, rekorPublicKeyData: keyData, rekorPublicKeyPath: '/k' }),
  'sigstore-pki-with-rekor': sigstore({ pki: { caRootsData: data('x'), subjectEmail: 'e' }, rekorPublicKeyData: keyData }),
  'sigstore-pki-without-subject': sigstore({ pki: { caRootsData: data('x') } }),
  'gpg-no-key': gpg({}),
  'gpg-two-keys': gpg({ keyPath: '/k', keyData }),
  'gpg-no-key-type': { type: 'signedBy', keyPath: '/k' },
  'gpg-unknown-key-type': { type: 'signedBy', keyType: 'zzz', keyPath: '/k' },
  'gpg-unknown-key': gpg({ keyPath: '/k', x: 1 }),
  'gpg-x509': { type: 'signedBy', keyType: 'X509Certificates', keyPath: '/k' },
  'gpg-empty-paths': gpg({ keyPaths: [] }),
  'base-layer': { type: 'signedBaseLayer', baseLayerIdentity: { type: 'matchExact' } },
  'base-layer-without-identity': { type: 'signedBaseLayer' },
  'identity-unknown': sigstore({ keyData, signedIdentity: { type: 'zzz' } }),
  'identity-null': sigstore({ keyData, signedIdentity: null }),
  'identity-more': sigstore({ keyData, signedIdentity: { type: 'matchExact', x: 1 } }),
  'identity-reference-without-tag': sigstore({ keyData, signedIdentity: { type: 'exactReference', dockerReference: 'a.test/ns/app' } }),
  'identity-reference-missing': sigstore({ keyData, signedIdentity: { type: 'exactReference' } }),
  'identity-repository-invalid': sigstore({ keyData, signedIdentity: { type: 'exactRepository', dockerRepository: 'UPPER' } }),
  'identity-remap-invalid': sigstore({ keyData, signedIdentity: { type: 'remapIdentity', prefix: 'a.test/UP', signedPrefix: 'b.test' } }),
  'identity-remap-half': sigstore({ keyData, signedIdentity: { type: 'remapIdentity', prefix: 'a.test' } }),
})) {
  check(`file-${id}`, only(requirement))
}
check('file-broken-requirement-elsewhere', { default: [accept], transports: { docker: { 'b.test': [sigstore({})] } } })

// --- Sigstore signatures ---------------------------------------------------------------------------------------
const attachments = { 'etc/containers/registries.d/default.yaml': 'default-docker:\n  use-sigstore-attachments: true\n' }
const digestOf = (bytes) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`
const payload = (reference, { digest = manifestDigest, type = 'cosign container image signature', optional = null, extra = {} } = {}) =>
  JSON.stringify({
    critical: { identity: { 'docker-reference': reference }, image: { 'docker-manifest-digest': digest }, type },
    optional,
    ...extra,
  })
const signWith = (pair, text) =>
  sign(pair.privateKey.asymmetricKeyType === 'ed25519' ? null : 'sha256', Buffer.from(text), pair.privateKey).toString('base64')
const layerOf = (text, signature, annotations = {}, mediaType = 'application/vnd.dev.cosign.simplesigning.v1+json') => ({
  text,
  descriptor: {
    mediaType,
    digest: digestOf(text),
    size: Buffer.byteLength(text),
    annotations: { ...(signature === undefined ? {} : { 'dev.cosignproject.cosign/signature': signature }), ...annotations },
  },
})
const b64 = (text) => Buffer.from(text).toString('base64')
/** Documents of an attachment in a repository. */
function attached(layers, { name = 'ns/app', digest = manifestDigest, type = 'application/vnd.oci.image.manifest.v1+json', host } = {}) {
  const config = '{}'
  const body = JSON.stringify({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: digestOf(config), size: 2 },
    layers: layers.map(({ descriptor }) => descriptor),
  })
  const at = host === undefined ? {} : { host }
  return [
    { ...at, path: `/v2/${name}/manifests/${digest.replace(':', '-')}.sig`, type, body: b64(body) },
    ...layers.map(({ text, descriptor }) => ({ ...at, path: `/v2/${name}/blobs/${descriptor.digest}`, type: 'application/octet-stream', body: b64(text) })),
  ]
}
const good = (reference, options) => layerOf(payload(reference, options), signWith(key, payload(reference, options)))
const signed = (id, requirement, layers, reference = A, files = {}, options = {}) =>
  check(`sigstore-${id}`, only(requirement), reference, { ...attachments, ...keyFiles, ...files }, attached(layers, options))
const byKey = sigstore({ keyData, ...repository })
const plain = 'a.test/ns/app'
signed('good', byKey, [good(plain)])
signed('key-path', sigstore({ keyPath: '/etc/containers/keys/one.pub', ...repository }), [good(plain)])
signed('key-path-missing', sigstore({ keyPath: '/etc/containers/keys/none.pub', ...repository }), [good(plain)])
signed('key-paths-second', sigstore({ keyPaths: ['/etc/containers/keys/other.pub', '/etc/containers/keys/one.pub'], ...repository }), [good(plain)])
signed('key-datas-second', sigstore({ keyDatas: [otherData, keyData], ...repository }), [good(plain)])
signed('wrong-key', sigstore({ keyData: otherData, ...repository }), [good(plain)])
signed('key-is-garbage', sigstore({ keyData: data('garbage'), ...repository }), [good(plain)])
signed('rsa', sigstore({ keyData: data(pem(rsaKey)), ...repository }), [layerOf(payload(plain), signWith(rsaKey, payload(plain)))])
signed('ed25519', sigstore({ keyData: data(pem(edKey)), ...repository }), [layerOf(payload(plain), signWith(edKey, payload(plain)))])
signed('p384', sigstore({ keyData: otherData, ...repository }), [layerOf(payload(plain), signWith(otherKey, payload(plain)))])
signed('payload-altered', byKey, [layerOf(payload(plain), signWith(key, payload('b.test/ns/app')))])
signed('signature-not-base64', byKey, [layerOf(payload(plain), '!!')])
signed('signature-missing', byKey, [layerOf(payload(plain))])
signed('other-digest', byKey, [good(plain, { digest: `sha256:${'0'.repeat(64)}` })])
signed('other-type', byKey, [good(plain, { type: 'atomic container signature' })])
signed('second-is-good', byKey, [layerOf(payload(plain), signWith(otherKey, payload(plain))), good(plain)])
signed('none-is-good', byKey, [layerOf(payload(plain), signWith(otherKey, payload(plain))), good('b.test/x')])
signed('no-layers', byKey, [])
signed('other-media-type', byKey, [layerOf(payload(plain), signWith(key, payload(plain)), {}, 'text/plain')])
signed('manifest-type-wrong', byKey, [good(plain)], A, {}, { type: 'application/vnd.docker.distribution.manifest.v2+json' })
signed('extra-member', byKey, [good(plain, { extra: { x: 1 } })])
signed('optional-object', byKey, [good(plain, { optional: { creator: 'me', timestamp: 12, x: [1] } })])
signed('optional-creator-number', byKey, [good(plain, { optional: { creator: 1 } })])
signed('optional-timestamp-fraction', byKey, [good(plain, { optional: { timestamp: 1.5 } })])
const twice = payload(plain).replace('"optional":null', '"optional":null,"optional":null')
signed('payload-duplicate', byKey, [layerOf(twice, signWith(key, twice))])
signed('payload-not-json', byKey, [layerOf('x', signWith(key, 'x'))])
const noOptional = payload(plain).replace(',"optional":null', '')
signed('payload-without-optional', byKey, [layerOf(noOptional, signWith(key, noOptional))])
signed('rekor-asked-and-missing', sigstore({ keyData, rekorPublicKeyData: otherData, ...repository }), [good(plain)])
check('sigstore-none', only(byKey), A, attachments)
check('sigstore-not-looked-for', only(byKey), A, {}, attached([good(plain)]))
check('sigstore-off-for-host', only(byKey), A, { ...attachments, 'etc/containers/registries.d/a.yaml': 'docker:\n  a.test:\n    use-sigstore-attachments: false\n' }, attached([good(plain)]))
check('sigstore-on-for-namespace', only(byKey), A, { 'etc/containers/registries.d/a.yaml': 'docker:\n  a.test:\n    use-sigstore-attachments: false\n  a.test/ns:\n    use-sigstore-attachments: true\n' }, attached([good(plain)]))
check('sigstore-per-key-fall-through', only(byKey), A, { 'etc/containers/registries.d/a.yaml': 'default-docker:\n  use-sigstore-attachments: true\ndocker:\n  a.test/ns:\n    lookaside: https://lookaside.test/none\n' }, attached([good(plain)]))
check('sigstore-yes-is-true', only(byKey), A, { 'etc/containers/registries.d/a.yaml': 'default-docker:\n  use-sigstore-attachments: yes\n' }, attached([good(plain)]))
check('sigstore-domain-scope', only(byKey), A, { 'etc/containers/registries.d/a.yaml': 'docker:\n  "*.test":\n    use-sigstore-attachments: true\n' }, attached([good(plain)]))
check('registries-d-twice', { default: [accept] }, A, { ...attachments, 'etc/containers/registries.d/b.yaml': 'default-docker: {}\n' })
check('registries-d-scope-twice', { default: [accept] }, A, { 'etc/containers/registries.d/a.yaml': 'docker: {a.test: {}}\n', 'etc/containers/registries.d/b.yaml': 'docker: {a.test: {}}\n' })
check('registries-d-broken', { default: [accept] }, A, { 'etc/containers/registries.d/a.yaml': 'docker: [\n' })
check('registries-d-flag-text', { default: [accept] }, A, { 'etc/containers/registries.d/a.yaml': 'default-docker:\n  use-sigstore-attachments: maybe\n' })
check('registries-d-unknown-key', { default: [accept] }, A, { 'etc/containers/registries.d/a.yaml': 'future: 1\ndefault-docker:\n  future: 1\n' })
check('registries-d-duplicate-key', { default: [accept] }, A, { 'etc/containers/registries.d/a.yaml': 'docker: {}\ndocker: {}\n' })
check('registries-d-other-suffix', { default: [accept] }, A, { 'etc/containers/registries.d/a.yml': 'docker: [\n' })
check('registries-d-user-only', only(byKey), A, { ...attachments, 'root/.config/containers/registries.d/a.yaml': 'default-docker:\n  use-sigstore-attachments: false\n' }, attached([good(plain)]))
check('sigstore-of-mirror', only(byKey), A, { ...attachments, [main]: table({ location: 'a.test' }, ['m1.test']) }, attached([good(plain)], { host: 'm1.test' }))
check('sigstore-of-mirror-not-of-source', only(byKey), A, { ...attachments, [main]: table({ location: 'a.test' }, ['m1.test']) }, attached([good(plain)], { host: 'a.test' }))
check('sigstore-server-refuses', only(byKey), A, attachments, attached([good(plain)]).map((one, i) => (i === 0 ? { ...one, status: 403 } : one)))

// --- Transparency log ------------------------------------------------------------------------------------------
const log = newKey()
const otherLog = newKey()
const logData = data(pem(log))
const text = payload(plain)
const signature = signWith(key, text)
const logged = (options = {}) => ({
  'dev.sigstore.cosign/bundle': logEntry({ log, pem: pem(key), signature, payload: text, ...options }),
})
const rekorCase = (id, annotations, requirement = {}) =>
  signed(`rekor-${id}`, sigstore({ keyData, rekorPublicKeyData: logData, ...repository, ...requirement }), [layerOf(text, signature, annotations)])
rekorCase('good', logged())
rekorCase('other-log', logged({ log: otherLog }))
rekorCase('second-log', logged({ log: otherLog }), { rekorPublicKeyData: undefined, rekorPublicKeyDatas: [logData, data(pem(otherLog))] })
rekorCase('log-key-is-rsa', logged(), { rekorPublicKeyData: data(pem(rsaKey)) })
rekorCase('second-signing-key', logged(), { keyData: undefined, keyDatas: [otherData, keyData] })
rekorCase('other-signing-key', logged(), { keyData: otherData })
rekorCase('entry-of-other-key', logged({ pem: pem(otherKey) }))
rekorCase('entry-of-other-signature', logged({ signature: signWith(key, text) }))
rekorCase('entry-of-other-payload', logged({ payload: 'x' }))
rekorCase('time-altered', logged({ bundle: (b) => ({ ...b, Payload: { ...b.Payload, integratedTime: 1 } }) }))
rekorCase('bundle-extra-member', logged({ bundle: (b) => ({ ...b, x: 1 }) }))
rekorCase('bundle-missing-member', logged({ bundle: ({ Payload }) => ({ Payload }) }))
rekorCase('entry-extra-member', logged({ entry: (e) => ({ ...e, x: 1 }) }))
rekorCase('entry-order', logged({ bundle: (b) => ({ Payload: Object.fromEntries(Object.entries(b.Payload).reverse()), SignedEntryTimestamp: b.SignedEntryTimestamp }) }))
rekorCase('entry-time-fraction', logged({ entry: (e) => ({ ...e, integratedTime: 1.5 }) }))
rekorCase('record-kind', logged({ record: (r) => ({ ...r, kind: 'rekord' }) }))
rekorCase('record-version', logged({ record: (r) => ({ ...r, apiVersion: '0.0.2' }) }))
rekorCase('record-hash-algorithm', logged({ record: (r) => ({ ...r, spec: { ...r.spec, data: { hash: { ...r.spec.data.hash, algorithm: 'sha512' } } } }) }))
rekorCase('record-extra-member', logged({ record: (r) => ({ ...r, x: 1 }) }))
rekorCase('record-without-spec', logged({ record: ({ apiVersion, kind }) => ({ apiVersion, kind }) }))
rekorCase('key-with-trailing-text', logged({ pem: `${pem(key)}x` }))
rekorCase('not-json', { 'dev.sigstore.cosign/bundle': 'x' })
rekorCase('empty', { 'dev.sigstore.cosign/bundle': '' })
signed('rekor-not-asked-and-bad', byKey, [layerOf(text, signature, logged({ log: otherLog }))])

// --- Certificates ----------------------------------------------------------------------------------------------
const issuer = 'https://issuer.test'
const email = 'alice@a.test'
const caExtensions = [ext.ca(), ext.certSign]
const rootCa = certificate({ subject: 'root', from: Date.now() - 400 * day, extensions: caExtensions })
const strangeCa = certificate({ subject: 'root', extensions: caExtensions })
const leafExtensions = [ext.digitalSignature, ext.codeSigning, ext.emails(email), ext.issuerV1(issuer)]
const leafOf = (members = {}) => certificate({ subject: 'leaf', by: rootCa, extensions: leafExtensions, ...members })
const chainOf = (...all) => all.map((one) => one.pem).join('')
/** A layer signed by the key of a certificate, and seen by the log. */
function certified(leaf, { chain, logged: seen = {}, annotations = {} } = {}) {
  const made = signWith(leaf.key, text)
  const bundle = seen === null ? {} : { 'dev.sigstore.cosign/bundle': logEntry({ log, pem: leaf.pem, signature: made, payload: text, ...seen }) }
  return layerOf(text, made, {
    'dev.sigstore.cosign/certificate': leaf.pem,
    ...(chain === undefined ? {} : { 'dev.sigstore.cosign/chain': chain }),
    ...bundle,
    ...annotations,
  })
}
const fulcioOf = (members = {}) => sigstore({ fulcio: { caData: data(rootCa.pem), oidcIssuer: issuer, subjectEmail: email, ...members }, rekorPublicKeyData: logData, ...repository })
const fulcioCase = (id, layer, members) => signed(`fulcio-${id}`, fulcioOf(members), [layer])
const leafWith = (...extensions) => leafOf({ extensions: [ext.digitalSignature, ...extensions] })
fulcioCase('good', certified(leafOf()))
fulcioCase('good-issuer-v2', certified(leafWith(ext.codeSigning, ext.emails(email), ext.issuerV2(issuer))))
fulcioCase('good-issuer-both', certified(leafWith(ext.codeSigning, ext.emails(email), ext.issuerV1(issuer), ext.issuerV2(issuer))))
fulcioCase('issuer-contradicts', certified(leafWith(ext.codeSigning, ext.emails(email), ext.issuerV1(issuer), ext.issuerV2('https://other.test'))))
fulcioCase('issuer-v2-trailing', certified(leafWith(ext.codeSigning, ext.emails(email), ext.raw('1.3.6.1.4.1.57264.1.8', Buffer.concat([ext.utf8(issuer), Buffer.from([0])])))))
fulcioCase('issuer-none', certified(leafWith(ext.codeSigning, ext.emails(email))))
fulcioCase('issuer-other', certified(leafOf()), { oidcIssuer: 'https://other.test' })
fulcioCase('issuer-twice', certified(leafWith(ext.codeSigning, ext.emails(email), ext.issuerV1(issuer), ext.issuerV1(issuer))))
fulcioCase('email-other', certified(leafOf()), { subjectEmail: 'mallory@a.test' })
fulcioCase('email-second', certified(leafWith(ext.codeSigning, ext.emails('x@a.test', email), ext.issuerV1(issuer))))
fulcioCase('email-case', certified(leafOf()), { subjectEmail: 'Alice@a.test' })
fulcioCase('email-none', certified(leafWith(ext.codeSigning, ext.issuerV1(issuer))))
fulcioCase('other-ca', certified(leafOf({ by: strangeCa })))
fulcioCase('other-ca-claimed-in-chain', certified(leafOf({ by: strangeCa }), { chain: chainOf(strangeCa) }))
fulcioCase('ca-is-garbage', certified(leafOf()), { caData: data('garbage') })
fulcioCase('two-cas', certified(leafOf()), { caData: data(strangeCa.pem + rootCa.pem) })
fulcioCase('expired-since', certified(leafOf({ from: Date.now() - 20 * day, until: Date.now() - 10 * day }), { logged: { at: Date.now() - 15 * day } }))
fulcioCase('logged-after-expiry', certified(leafOf({ from: Date.now() - 20 * day, until: Date.now() - 10 * day })))
fulcioCase('logged-before-validity', certified(leafOf(), { logged: { at: Date.now() - 50 * day } }))
fulcioCase('not-logged', certified(leafOf(), { logged: null }))
fulcioCase('logged-other-certificate', certified(leafOf(), { logged: { pem: leafOf().pem } }))
fulcioCase('no-certificate', layerOf(text, signature, logged()))
fulcioCase('two-certificates', certified(leafOf(), { annotations: { 'dev.sigstore.cosign/certificate': leafOf().pem + leafOf().pem } }))
const middle = certificate({ subject: 'middle', by: rootCa, extensions: caExtensions })
fulcioCase('intermediate', certified(leafOf({ by: middle }), { chain: chainOf(middle, rootCa) }))
fulcioCase('intermediate-missing', certified(leafOf({ by: middle })))
fulcioCase('intermediate-as-last', certified(leafOf({ by: middle }), { chain: chainOf(middle) }))
fulcioCase('intermediate-second', certified(leafOf({ by: middle }), { chain: chainOf(strangeCa, middle, rootCa) }))
const lower = certificate({ subject: 'lower', by: middle, extensions: caExtensions })
fulcioCase('two-intermediates', certified(leafOf({ by: lower }), { chain: chainOf(lower, middle, rootCa) }))
const short = certificate({ subject: 'short', by: rootCa, extensions: [ext.ca(0), ext.certSign] })
const below = certificate({ subject: 'below', by: short, extensions: caExtensions })
fulcioCase('path-length', certified(leafOf({ by: below }), { chain: chainOf(below, short, rootCa) }))
fulcioCase('path-length-kept', certified(leafOf({ by: short }), { chain: chainOf(short, rootCa) }))
const noCa = certificate({ subject: 'no ca', by: rootCa, extensions: [ext.certSign] })
fulcioCase('intermediate-is-no-ca', certified(leafOf({ by: noCa }), { chain: chainOf(noCa, rootCa) }))
const noSign = certificate({ subject: 'no sign', by: rootCa, extensions: [ext.ca(), ext.digitalSignature] })
fulcioCase('intermediate-may-not-sign', certified(leafOf({ by: noSign }), { chain: chainOf(noSign, rootCa) }))
const server = certificate({ subject: 'server', by: rootCa, extensions: [...caExtensions, ext.usage('1.3.6.1.5.5.7.3.1')] })
fulcioCase('intermediate-for-servers', certified(leafOf({ by: server }), { chain: chainOf(server, rootCa) }))
fulcioCase('usage-server', certified(leafWith(ext.usage('1.3.6.1.5.5.7.3.1'), ext.emails(email), ext.issuerV1(issuer))))
fulcioCase('usage-none', certified(leafWith(ext.emails(email), ext.issuerV1(issuer))))
fulcioCase('usage-any', certified(leafWith(ext.usage('2.5.29.37.0'), ext.emails(email), ext.issuerV1(issuer))))
fulcioCase('unknown-critical', certified(leafWith(ext.codeSigning, ext.emails(email), ext.issuerV1(issuer), ext.raw('1.2.3.4', Buffer.from([5, 0]), true))))
fulcioCase('unknown-not-critical', certified(leafWith(ext.codeSigning, ext.emails(email), ext.issuerV1(issuer), ext.raw('1.2.3.4', Buffer.from([5, 0])))))
fulcioCase('leaf-is-trusted-itself', certified(leafOf()), { caData: data(leafOf().pem) })
const oldRoot = certificate({ subject: 'old', from: Date.now() - 20 * day, until: Date.now() - 10 * day, extensions: caExtensions })
fulcioCase('root-expired', certified(leafOf({ by: oldRoot })), { caData: data(oldRoot.pem) })
fulcioCase('signature-of-other-key', layerOf(text, signature, { 'dev.sigstore.cosign/certificate': leafOf().pem, ...logged() }))

const host = 'signer.a.test'
const pkiOf = (members = {}) => sigstore({ pki: { caRootsData: data(rootCa.pem), subjectEmail: email, ...members }, ...repository })
const pkiCase = (id, layer, members) => signed(`pki-${id}`, pkiOf(members), [layer])
const unlogged = { logged: null }
pkiCase('good', certified(leafOf(), unlogged))
pkiCase('email-other', certified(leafOf(), unlogged), { subjectEmail: 'mallory@a.test' })
const hostLeaf = leafWith(ext.codeSigning, ext.hosts(host))
pkiCase('host', certified(hostLeaf, unlogged), { subjectEmail: undefined, subjectHostname: host })
pkiCase('host-other', certified(hostLeaf, unlogged), { subjectEmail: undefined, subjectHostname: 'other.a.test' })
pkiCase('host-wildcard', certified(leafWith(ext.codeSigning, ext.hosts('*.a.test')), unlogged), { subjectEmail: undefined, subjectHostname: host })
pkiCase('host-in-subject-only', certified(leafOf({ subject: host }), unlogged), { subjectEmail: undefined, subjectHostname: host })
pkiCase('both', certified(leafOf(), unlogged), { subjectHostname: host })
pkiCase('expired', certified(leafOf({ from: Date.now() - 20 * day, until: Date.now() - 10 * day }), unlogged))
pkiCase('not-yet', certified(leafOf({ from: Date.now() + 3000 * day }), unlogged))
pkiCase('intermediate-of-policy', certified(leafOf({ by: middle }), unlogged), { caIntermediatesData: data(middle.pem) })
pkiCase('intermediate-of-chain', certified(leafOf({ by: middle }), { ...unlogged, chain: chainOf(middle, rootCa) }))
pkiCase('other-ca', certified(leafOf({ by: strangeCa }), unlogged))
pkiCase('no-certificate', layerOf(text, signature))

// --- Identities ------------------------------------------------------------------------------------------------
const identities = {
  default: undefined,
  exact: { type: 'matchExact' },
  'digest-or-exact': { type: 'matchRepoDigestOrExact' },
  repository: { type: 'matchRepository' },
  'exact-reference': { type: 'exactReference', dockerReference: 'b.test/other:v9' },
  'exact-repository': { type: 'exactRepository', dockerRepository: 'b.test/other' },
  remap: { type: 'remapIdentity', prefix: 'a.test', signedPrefix: 'b.test/vendor' },
}
const names = {
  tag: 'a.test/ns/app:v1',
  'other-tag': 'a.test/ns/app:v2',
  bare: 'a.test/ns/app',
  digest: `a.test/ns/app@${manifestDigest}`,
  other: 'b.test/other:v9',
  'other-bare': 'b.test/other',
  remapped: 'b.test/vendor/ns/app:v1',
}
const wanted = {
  default: ['tag', 'other-tag', 'bare', 'digest'],
  exact: ['tag', 'bare', 'digest'],
  'digest-or-exact': ['tag', 'other-tag'],
  repository: ['other-tag', 'bare', 'other'],
  'exact-reference': ['other', 'other-bare', 'tag'],
  'exact-repository': ['other', 'other-bare', 'tag'],
  remap: ['remapped', 'tag', 'other'],
}
for (const [id, identity] of Object.entries(identities)) {
  for (const name of wanted[id]) {
    const requirement = sigstore({ keyData, ...(identity === undefined ? {} : { signedIdentity: identity }) })
    signed(`identity-${id}-${name}-by-tag`, requirement, [good(names[name])])
    if (['default', 'exact', 'remap'].includes(id)) {
      signed(`identity-${id}-${name}-by-digest`, requirement, [good(names[name])], byDigest)
    }
  }
}
signed('identity-not-a-reference', byKey, [good('UPPER CASE')])
signed('identity-empty', byKey, [good('')])
signed('identity-familiar', sigstore({ keyData, signedIdentity: { type: 'exactRepository', dockerRepository: 'docker.io/library/busybox' } }), [good('busybox')])

// --- Simple signing --------------------------------------------------------------------------------------------
const home = mkdtempSync(join(tmpdir(), 'gpg-'))
const gpgRun = (args, input) =>
  execFileSync('gpg', ['--homedir', home, '--batch', '--quiet', '--pinentry-mode', 'loopback', '--passphrase', '', ...args], { input, stdio: ['pipe', 'pipe', 'ignore'] })
const makeKey = (user, algorithm = 'ed25519', expires = 'never') =>
  gpgRun(['--quick-generate-key', `${user} <${user}@test>`, algorithm, 'sign', expires])
makeKey('alice')
makeKey('mallory')
makeKey('robert', 'rsa2048')
execFileSync('gpg', ['--homedir', home, '--batch', '--quiet', '--pinentry-mode', 'loopback', '--passphrase', '', '--faked-system-time', '20200101T000000', '--quick-generate-key', 'expired <expired@test>', 'ed25519', 'sign', '1d'], { stdio: 'ignore' })
const exported = (user) => gpgRun(['--export', user]).toString('base64')
const armored = (user) => gpgRun(['--armor', '--export', user]).toString('base64')
const message = (user, text, more = ['--sign']) => gpgRun(['--local-user', user, ...more], text)
const simple = (reference, options = {}) => payload(reference, { type: 'atomic container signature', optional: { creator: 'x', timestamp: 1 }, ...options })
const lookaside = { 'etc/containers/registries.d/l.yaml': 'default-docker:\n  lookaside: https://lookaside.test/sigs\n' }
const blobs = (messages, base = '/sigs', name = 'ns/app') =>
  messages.map((bytes, i) => ({
    path: `${base}/${name}@${manifestDigest.replace(':', '=')}/signature-${i + 1}`,
    type: 'application/octet-stream',
    body: Buffer.from(bytes).toString('base64'),
  }))
const byAlice = gpg({ keyData: exported('alice') })
const simpleCase = (id, requirement, messages, reference = A, files = {}) =>
  check(`gpg-${id}`, only(requirement), reference, { ...lookaside, ...files }, blobs(messages))
const tagged = 'a.test/ns/app:v1'
simpleCase('good', byAlice, [message('alice', simple(tagged))])
simpleCase('armored-keyring', gpg({ keyData: armored('alice') }), [message('alice', simple(tagged))])
simpleCase('key-path', gpg({ keyPath: '/etc/containers/keys/alice.gpg' }), [message('alice', simple(tagged))], A, { 'etc/containers/keys/alice.gpg': `@base64:${exported('alice')}` })
simpleCase('key-path-missing', gpg({ keyPath: '/etc/containers/keys/alice.gpg' }), [message('alice', simple(tagged))])
simpleCase('rsa', gpg({ keyData: exported('robert') }), [message('robert', simple(tagged))])
simpleCase('other-signer', byAlice, [message('mallory', simple(tagged))])
simpleCase('keyring-of-two', gpg({ keyData: Buffer.concat([Buffer.from(exported('mallory'), 'base64'), Buffer.from(exported('alice'), 'base64')]).toString('base64') }), [message('alice', simple(tagged))])
simpleCase('second-is-good', byAlice, [message('mallory', simple(tagged)), message('alice', simple(tagged))])
simpleCase('none', byAlice, [])
simpleCase('hole-ends-the-list', byAlice, [message('mallory', simple(tagged))])
simpleCase('by-digest', byAlice, [message('alice', simple(tagged))], byDigest)
simpleCase('other-tag', byAlice, [message('alice', simple('a.test/ns/app:v2'))])
simpleCase('other-repository', byAlice, [message('alice', simple('a.test/ns/other:v1'))])
simpleCase('other-digest', byAlice, [message('alice', simple(tagged, { digest: `sha256:${'0'.repeat(64)}` }))])
simpleCase('cosign-type', byAlice, [message('alice', simple(tagged, { type: 'cosign container image signature' }))])
simpleCase('optional-null', byAlice, [message('alice', simple(tagged, { optional: null }))])
simpleCase('extra-member', byAlice, [message('alice', simple(tagged, { extra: { x: 1 } }))])
simpleCase('not-json', byAlice, [message('alice', 'hello')])
simpleCase('uncompressed', byAlice, [message('alice', simple(tagged), ['--compress-algo', 'none', '--sign'])])
simpleCase('two-signers', byAlice, [gpgRun(['--local-user', 'alice', '--local-user', 'mallory', '--sign'], simple(tagged))])
simpleCase('detached', byAlice, [message('alice', simple(tagged), ['--detach-sign'])])
simpleCase('armored-signature', byAlice, [message('alice', simple(tagged), ['--armor', '--sign'])])
simpleCase('cleartext', byAlice, [message('alice', simple(tagged), ['--clearsign'])])
simpleCase('unsigned-literal', byAlice, [gpgRun(['--store', '--compress-algo', 'zip'], simple(tagged))])
simpleCase('html', byAlice, [Buffer.from('<html></html>')])
simpleCase('empty-file', byAlice, [Buffer.alloc(0)])
simpleCase('truncated', byAlice, [message('alice', simple(tagged)).subarray(0, -10)])
const flipped = Buffer.from(message('alice', simple(tagged), ['--compress-algo', 'none', '--sign']))
flipped[flipped.indexOf('v1')] ^= 1
simpleCase('payload-flipped', byAlice, [flipped])
simpleCase('expired-key', gpg({ keyData: exported('expired') }), [execFileSync('gpg', ['--homedir', home, '--batch', '--quiet', '--pinentry-mode', 'loopback', '--passphrase', '', '--faked-system-time', '20200101T010000', '--local-user', 'expired', '--sign'], { input: simple(tagged), stdio: ['pipe', 'pipe', 'ignore'] })])
simpleCase('expired-signature', byAlice, [execFileSync('gpg', ['--homedir', home, '--batch', '--quiet', '--pinentry-mode', 'loopback', '--passphrase', '', '--default-sig-expire', '1', '--local-user', 'alice', '--sign'], { input: simple(tagged), stdio: ['pipe', 'pipe', 'ignore'] })])
simpleCase('not-for-sigstore', byKey, [message('alice', simple(tagged))])
simpleCase('zero-prefixed', byAlice, [Buffer.concat([Buffer.from('\0simple-signing\n'), message('alice', simple(tagged))])])
simpleCase('unknown-format', byAlice, [Buffer.from('\0zzz\nx')])
simpleCase('keyring-is-garbage', gpg({ keyData: data('garbage') }), [message('alice', simple(tagged))])
check('gpg-lookaside-plain-http', only(byAlice), A, { 'etc/containers/registries.d/l.yaml': 'default-docker:\n  lookaside: http://lookaside.test/sigs\n' }, blobs([message('alice', simple(tagged))]))
check('gpg-lookaside-old-name', only(byAlice), A, { 'etc/containers/registries.d/l.yaml': 'default-docker:\n  sigstore: https://lookaside.test/sigs\n' }, blobs([message('alice', simple(tagged))]))
check('gpg-lookaside-by-namespace', only(byAlice), A, { 'etc/containers/registries.d/l.yaml': 'docker:\n  a.test/ns:\n    lookaside: https://lookaside.test/ns\n  a.test:\n    lookaside: https://lookaside.test/sigs\n' }, blobs([message('alice', simple(tagged))], '/ns'))
check('gpg-lookaside-unsupported-scheme', only(byAlice), A, { 'etc/containers/registries.d/l.yaml': 'default-docker:\n  lookaside: ftp://lookaside.test/sigs\n' })
check('gpg-lookaside-error', only(byAlice), A, lookaside, [{ ...blobs([message('alice', simple(tagged))])[0], status: 500 }])
check('gpg-both-kinds', only(byAlice), A, { ...lookaside, 'etc/containers/registries.d/l.yaml': 'default-docker:\n  lookaside: https://lookaside.test/sigs\n  use-sigstore-attachments: true\n' }, [...blobs([message('alice', simple(tagged))]), ...attached([good(plain)])])
check('gpg-and-sigstore', { default: [reject], transports: { docker: { 'a.test': [byAlice, byKey] } } }, A, { 'etc/containers/registries.d/l.yaml': 'default-docker:\n  lookaside: https://lookaside.test/sigs\n  use-sigstore-attachments: true\n' }, [...blobs([message('alice', simple(tagged))]), ...attached([good(plain)])])
check('gpg-and-sigstore-one-missing', { default: [reject], transports: { docker: { 'a.test': [byAlice, byKey] } } }, A, { 'etc/containers/registries.d/l.yaml': 'default-docker:\n  lookaside: https://lookaside.test/sigs\n  use-sigstore-attachments: true\n' }, blobs([message('alice', simple(tagged))]))
execFileSync('gpgconf', ['--homedir', home, '--kill', 'all'])
rmSync(home, { recursive: true, force: true })

// --- What skopeo says ------------------------------------------------------------------------------------------
const target = join(here, 'cases.json')
writeFileSync(target, JSON.stringify({ cases }))
const output = execFileSync(process.execPath, [join(here, 'world.mjs'), target, chroot, work], { maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'inherit'] })
const results = JSON.parse(output)
const tool = execFileSync('chroot', [chroot, 'skopeo', '--version'], { encoding: 'utf8' }).trim()
const told = cases.map((one) => {
  const { class: kind, requests } = results[one.id].skopeo
  return { ...one, expect: { class: kind, requests } }
})
writeFileSync(target, `${JSON.stringify({ tool, madeAt: Date.now(), work, cases: told }, null, 1)}\n`)
const kinds = new Map()
for (const { expect } of told) kinds.set(expect.class, (kinds.get(expect.class) ?? 0) + 1)
console.log(told.length, Object.fromEntries(kinds))
