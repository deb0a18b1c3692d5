// Registries of a small world on loopback, and two programs that pull from them: the real skopeo and this library.
//
//   unshare --net --mount node world.mjs TABLE CHROOT WORK [DIST]
//
// TABLE: cases.json. CHROOT: a Debian trixie root with skopeo (e2e/tools.sh). WORK: a directory of the same name inside
// and outside. DIST: packages directory with built code, to run the library too. Prints one JSON object: case id →
// { skopeo, ours }, each { class, requests, message }.
import { execFile, execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { dirname, join } from 'node:path'
import { createSecureContext } from 'node:tls'
import { promisify } from 'node:util'
import { answer, blobs, classes, digestOf, isManifest, manifest, manifestDigest, manifestType, names } from './answers.mjs'

const run = promisify(execFile)

/** `SCHEME://HOST[:PORT]/PATH` of manifests, in order; attachments left out. */
let requests = []
let served = []

function handle(scheme, request, response) {
  const host = (request.headers.host ?? '').replace(scheme === 'https' ? /:443$/ : /:80$/, '')
  const path = decodeURIComponent(request.url.split('?')[0])
  if (isManifest(path)) requests.push(`${scheme}://${host}${path}`)
  const { authorization } = request.headers
  const { status, headers, body } = answer({ host, path, authorization, hasClient: request.socket.authorized === true, served })
  response.writeHead(status, { ...headers, 'content-length': body.length })
  response.end(request.method === 'HEAD' ? undefined : body)
}

/** A CA in DIR/NAME.{key,crt}, and certificates by it. */
function authority(dir, name) {
  const at = (file) => join(dir, file)
  const openssl = (...args) => execFileSync('openssl', args, { stdio: 'pipe' })
  openssl(
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '3650'],
    ...['-subj', `/CN=${name}`, '-keyout', at(`${name}.key`), '-out', at(`${name}.crt`)],
  )
  return (label, hosts) => {
    writeFileSync(at(`${label}.ext`), `subjectAltName=${hosts.map((host) => `DNS:${host}`).join(',')}\n`)
    openssl(
      ...['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', `/CN=${label}`],
      ...['-keyout', at(`${label}.key`), '-out', at(`${label}.csr`)],
    )
    openssl(
      ...['x509', '-req', '-in', at(`${label}.csr`), '-CA', at(`${name}.crt`), '-CAkey', at(`${name}.key`)],
      ...['-CAcreateserial', '-days', '3650', '-extfile', at(`${label}.ext`), '-out', at(`${label}.crt`)],
    )
    return { key: readFileSync(at(`${label}.key`)), cert: readFileSync(at(`${label}.crt`)) }
  }
}

async function startWorld(dir) {
  mkdirSync(dir, { recursive: true })
  const known = authority(dir, 'known-ca')
  const hidden = authority(dir, 'hidden-ca')
  const special = new Set(['untrusted.test', 'private.test'])
  const main = known('main', names.filter((name) => !special.has(name)))
  const secret = hidden('secret', [...special])
  hidden('client', ['client.test'])
  const ca = readFileSync(join(dir, 'hidden-ca.crt'))
  const contexts = { main: createSecureContext({ ...main, ca }), secret: createSecureContext({ ...secret, ca }) }
  const options = {
    ...main,
    ca,
    requestCert: true,
    rejectUnauthorized: false,
    SNICallback: (name, done) => {
      if (name === 'plain.test') return done(new Error('no TLS here'))
      return done(null, special.has(name) ? contexts.secret : contexts.main)
    },
  }
  const secure = (request, response) => handle('https', request, response)
  const plain = (request, response) => handle('http', request, response)
  const listen = (server, port) => new Promise((done) => server.listen(port, '127.0.0.1', () => done(server)))
  return Promise.all([
    listen(createTlsServer(options, secure), 443),
    listen(createTlsServer(options, secure), 5000),
    listen(createServer(plain), 80),
    listen(createServer(plain), 5080),
  ])
}

/** What kind of failure skopeo's words mean. */
function classify(text) {
  const kinds = [
    ['ok', /^$/],
    ['blocked', /is blocked in/],
    ['rejected', /Source image rejected|is rejected by policy/],
    ['policy-invalid', /invalid policy in|no policy\.json file|Error loading trust policy/],
    ['unauthorized', /unauthorized|authentication required/],
    ['denied', /denied|403/],
    ['not-found', /manifest unknown|MANIFEST_UNKNOWN|not found/],
    ['tls', /x509:|tls: |HTTP response to HTTPS client|first record does not look|remote error/],
    ['unreachable', /: EOF|no such host|server misbehaving|dial tcp|connection refused|Temporary failure in name/],
    ['protocol', /500 |Internal Server Error|unknown: unknown/],
    ['digest', /does not match (provided )?manifest digest/],
    ['config', /loading registries|registries configuration|rewriting reference|signature storage|missing (key|client cert)|parsing .*yaml|cannot unmarshal|invalid .*alias|short-name|repository name must|invalid reference format/],
  ]
  // The last line is the error; those of mirrors stand before that of the registry itself.
  const line = text.trim().split('\n').at(-1).replace(/\(Mirrors also failed: .*\]\): /s, '')
  return kinds.find(([, pattern]) => pattern.test(line))?.[0] ?? `other: ${line.slice(-300)}`
}

function layOut(work, files, certs) {
  const root = join(work, 'root')
  for (const dir of ['etc/containers', 'etc/docker', 'root', 'var/cache/containers']) {
    rmSync(join(root, dir), { recursive: true, force: true })
    mkdirSync(join(root, dir), { recursive: true })
  }
  for (const [path, content] of Object.entries(files)) {
    const target = join(root, path)
    mkdirSync(dirname(target), { recursive: true })
    const cert = /^@cert:(.+)$/.exec(content)?.[1]
    writeFileSync(target, cert === undefined ? decode(content) : readFileSync(join(certs, cert)))
  }
}

const decode = (content) =>
  content.startsWith('@base64:') ? Buffer.from(content.slice('@base64:'.length), 'base64') : content

async function main([table, chroot, work, dist]) {
  const { cases } = JSON.parse(readFileSync(table, 'utf8'))
  const certs = join(work, 'certs')
  rmSync(work, { recursive: true, force: true })
  await prepare(chroot, work)
  const servers = await startWorld(certs)
  const results = {}
  for (const one of cases) {
    served = one.served ?? []
    layOut(work, one.files, certs)
    requests = []
    const skopeo = await runSkopeo(chroot, work, one)
    const theirs = { ...skopeo, requests }
    requests = []
    const ours = dist === undefined ? undefined : { ...(await runOurs(dist, work, one)), requests }
    results[one.id] = { skopeo: theirs, ...(ours === undefined ? {} : { ours }) }
  }
  for (const server of servers) {
    server.closeAllConnections()
    server.close()
  }
  process.stdout.write(`${JSON.stringify(results)}\n`)
}

async function prepare(chroot, work) {
  const sh = (script, ...args) => execFileSync('bash', ['-euc', script, '_', ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  mkdirSync(join(work, 'root/etc'), { recursive: true })
  layOut(work, {}, '')
  writeFileSync(join(work, 'hosts'), names.map((name) => `127.0.0.1 ${name}\n`).join(''))
  writeFileSync(join(work, 'resolv.conf'), '')
  sh(
    `ip link set lo up
     mkdir -p "$1$2" "$1/etc/docker"
     mkdir -p "$1/etc/containers"
     [[ -e $1/etc/resolv.conf ]] || : >"$1/etc/resolv.conf"
     mount --bind "$2" "$1$2"
     mount --bind "$2/hosts" /etc/hosts
     mount --bind "$2/hosts" "$1/etc/hosts"
     mount --bind "$2/resolv.conf" "$(readlink -f "$1/etc/resolv.conf")"
     mount --bind "$2/resolv.conf" /etc/resolv.conf
     mount -t proc proc "$1/proc"
     mount --rbind /dev "$1/dev"`,
    chroot,
    work,
  )
  // Images by path.
  const dir = join(work, 'images/dir')
  mkdirSync(dir, { recursive: true })
  writeFileSync(join(dir, 'version'), 'Directory Transport Version: 1.1\n')
  writeFileSync(join(dir, 'manifest.json'), manifest)
  const layout = join(work, 'images/layout')
  mkdirSync(join(layout, 'blobs/sha256'), { recursive: true })
  writeFileSync(join(layout, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
  const blob = (bytes) => writeFileSync(join(layout, 'blobs/sha256', digestOf(bytes).slice(7)), bytes)
  for (const bytes of [manifest, ...blobs.values()]) {
    blob(bytes)
    writeFileSync(join(dir, digestOf(bytes).slice(7)), bytes)
  }
  const entry = { mediaType: manifestType, digest: manifestDigest, size: manifest.length }
  const index = { schemaVersion: 2, manifests: [{ ...entry, annotations: { 'org.opencontainers.image.ref.name': 'v1' } }] }
  writeFileSync(join(layout, 'index.json'), JSON.stringify(index))
}

async function runSkopeo(chroot, work, { reference, kind }) {
  const out = join(work, 'out')
  rmSync(out, { recursive: true, force: true })
  const command =
    kind === 'find' ? ['inspect', '--raw', reference] : ['copy', '--quiet', '--remove-signatures', reference, `dir:${out}`]
  const script = `mount --bind "$2/root/etc/containers" "$1/etc/containers"; mount --bind "$2/root/etc/docker" "$1/etc/docker"
    mount --bind "$2/root/root" "$1/root"; exec chroot "$1" env -i HOME=/root PATH=/usr/bin SSL_CERT_FILE="$2/certs/known-ca.crt" skopeo "\${@:3}"`
  try {
    await run('unshare', ['--mount', 'bash', '-euc', script, '_', chroot, work, ...command], { timeout: 60_000 })
    return { class: 'ok' }
  } catch (error) {
    const message = `${error.stderr ?? error.message}`
    return { class: classify(message), message: message.trim().slice(-500) }
  }
}

async function runOurs(dist, work, { reference, kind }) {
  process.env.SSL_CERT_FILE = join(work, 'certs/known-ca.crt')
  const load = (path) => import(join(dist, path))
  const { parseImageReference } = await load('core/dist/oci/index.js')
  const conf = await load('core/dist/containers-conf/index.js')
  const transports = await load('core/dist/transports/index.js')
  const { signatureVerifiers } = await load('signatures/dist/index.js')
  const reader = conf.hostConfReader(join(work, 'root'))
  const env = { HOME: '/root' }
  const configuration = transports.hostConfiguration({ reader, env })
  const readText = async (path) => (await reader.read(path))?.toString()
  const all = transports.defaultTransports({
    configuration,
    insecure: () => false,
    credentials: transports.authFileCredentials('/root/.config/containers/auth.json', async (path) => (await readText(path)) ?? '{}'),
  })
  // Whatever goes wrong while an image is judged is a rejection to skopeo.
  let stage = 'policy-invalid'
  try {
    const policy = kind === 'find' ? undefined : await conf.loadPolicy({ reader, env })
    stage = undefined
    const image = parseImageReference(reference)
    const transport = all.find((one) => one.transports.includes(image.transport))
    const resolved = await transport.resolve(image, { platform: { os: 'linux', architecture: 'amd64' } })
    stage = 'rejected'
    if (policy !== undefined) {
      const engine = conf.containersPolicy({
        policy,
        signatures: transports.signaturesFrom(all),
        verifiers: async () => signatureVerifiers(),
        readFile: (path) => reader.read(path),
      })
      await engine.check(resolved, { kind: 'insecure' })
    }
    return { class: 'ok' }
  } catch (error) {
    return { class: stage ?? classes[error.code] ?? `other: ${error.code}`, message: error.message }
  } finally {
    await Promise.all(all.map((one) => one.close?.()))
  }
}

if (process.argv[1] === import.meta.filename) await main(process.argv.slice(2))
