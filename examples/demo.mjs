// A system installed from an image, upgraded and rolled back, in a temporary directory. No root, no account.
//
//   node examples/demo.mjs
//   node examples/demo.mjs --image oci:LAYOUT:v1 --next oci:LAYOUT:v2   real images (as root, to keep owners)
//
// --store composefs starts with the other store; in the end the system moves to the one it did not start with.
// --keep leaves the directory for a look around.
import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { openBootc, parseImageReference } from '@bootc-sdk/core'
import { nativeStatus, nodeDir, nodeHost, nodeSysroot } from '@bootc-sdk/core/node'
import { bootableImage, serveRegistry } from '@bootc-sdk/core/testing'
import { defaultTransports } from '@bootc-sdk/core/transports'
import { composefsBackend } from '@bootc-sdk/composefs-backend'
import { ostreeBackend } from '@bootc-sdk/ostree-backend'
import { grubBootloader } from '@bootc-sdk/bootloader-grub'

const { values: options } = parseArgs({
  options: {
    image: { type: 'string' },
    next: { type: 'string' },
    store: { type: 'string', default: 'ostree' },
    keep: { type: 'boolean', default: false },
  },
})
const stores = [ostreeBackend(), composefsBackend()]
const other = stores.find(({ name }) => name !== options.store)
if (stores.every(({ name }) => name !== options.store)) {
  console.error(`--store is ${stores.map(({ name }) => name).join(' or ')}`)
  process.exit(2)
}
if ((options.image === undefined) !== (options.next === undefined)) {
  console.error('--image and --next come together')
  process.exit(2)
}

const startedMs = performance.now()
const colour = process.stdout.isTTY && process.env.NO_COLOR === undefined
const bold = (text) => (colour ? `\u001b[1m${text}\u001b[0m` : text)
const dim = (text) => (colour ? `\u001b[2m${text}\u001b[0m` : text)
const heading = (text) => console.log(`\n${bold(`== ${text}`)}`)
// Digests of 64 or 128 digits tell nobody more than their first twelve.
const say = (text) =>
  console.log(`   ${text.replace(/\b([0-9a-f]{12})(?:[0-9a-f]{52}){1,2}(?:[0-9a-f]{12})?\b/g, '$1…')}`)
const indent = (text) =>
  text
    .trimEnd()
    .split('\n')
    .forEach((line) => say(dim(line)))

const work = await mkdtemp(join(tmpdir(), 'bootc-sdk-demo-'))
const dir = join(work, 'disk')
await mkdir(dir)
const source = options.image === undefined ? await generatedImages() : givenImages()

try {
  const bootc = await openBootc({
    sysroot: nodeSysroot(dir),
    transports: defaultTransports(source.transportOptions),
    stores,
    bootloaders: [grubBootloader()],
  })
  const native = nativeStatus()
  say(`native addon: ${native.available ? 'in use' : `not in use (${native.reason})`}`)

  heading('Install version 1')
  const installed = await timed(`into ${dir}`, () =>
    bootc.install({
      source: { signature: { kind: 'insecure' }, image: source.first },
      store: options.store,
      kargs: { root: ['root=LABEL=demo', 'rw'] },
    }),
  )
  say(`image     ${installed.image.manifestDigest}`)
  say(`layers    ${layersOf(installed.pull)}`)
  say(`kernel    ${installed.kargs.join(' ')}`)
  await showEntries()

  heading('Change things on the machine')
  const { deployments } = await bootc.store()
  const lock = await bootc.sysroot.lock()
  const etc = await deployments.etc(installed.deployment, lock)
  await etc.write('motd', Buffer.from('Welcome to the demo\n'))
  await etc.write('hostname', Buffer.from('demo\n'))
  await lock[Symbol.asyncDispose]()
  say('/etc/motd and /etc/hostname')

  heading('Upgrade to version 2')
  const checked = await source.publishNext(bootc)
  say(checked)
  const upgraded = await timed('fetch, import, deploy, switch', () => source.upgrade(bootc))
  say(`outcome   ${upgraded.outcome}`)
  if (upgraded.pull !== undefined) say(`layers    ${layersOf(upgraded.pull)}`)
  const merged = await deployments.currentEtc(upgraded.deployment)
  for (const file of ['motd', 'hostname', 'app.conf']) {
    say(`/etc/${file}: ${JSON.stringify(await text(merged, file))}`)
  }
  await showEntries()

  heading('Status')
  await command('status', '--format', 'humanreadable', '--sysroot', dir)

  heading('Roll back')
  const { next } = await timed('write entries, switch', () => bootc.rollback())
  say(`next boot: ${next} deployment`)
  await command('status', '--format', 'humanreadable', '--sysroot', dir)

  heading(`Move from ${options.store} to ${other.name}`)
  const plan = await bootc.planMove(other.name)
  say(
    `content   ${plan.way === 'layers' ? 'stored layers' : 'stored files'}, ${plan.bytesToFetch} bytes to fetch`,
  )
  await timed('import, deploy, merge /etc, switch', () => bootc.moveToStore(other.name))
  await showEntries()

  heading('Checks')
  ostree('admin', 'status', `--sysroot=${dir}`)
  ostree('fsck', '--quiet', `--repo=${join(dir, 'ostree/repo')}`)
  await command('composefs', 'fsck', '--repo', join(dir, 'composefs'))

  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
  console.log(
    `\n${bold(`Done in ${seconds} s.`)} ${options.keep ? `Look around in ${dir}` : 'Nothing is left behind.'}`,
  )
} finally {
  await source.close()
  // Deployments are immutable directories; Dir knows how to remove them.
  if (!options.keep) await nodeDir(tmpdir()).remove(basename(work))
}

/** Two versions of a small system, served on loopback; the tag moves from one to the other. */
async function generatedImages() {
  heading('A registry with a small operating system')
  const registry = await serveRegistry()
  const { arch } = nodeHost()
  const [v1, v2] = [1, 2].map((version) => bootableImage({ version, architecture: arch }))
  registry.push('demo/os', 'stable', v1)
  const image = registry.reference('demo/os', 'stable')
  say(`docker://${image.name}, ${v1.layers.length} layers`)
  return {
    first: image,
    transportOptions: { tlsVerify: false },
    async publishNext(bootc) {
      registry.push('demo/os', 'stable', v2)
      const { outcome, layerDiff } = await bootc.upgrade({ check: true })
      return `the tag moved; upgrade --check says ${outcome}, ${layerDiff?.added.count ?? 0} new layer(s) of ${layerDiff?.total.count ?? 0}`
    },
    upgrade: (bootc) => bootc.upgrade(),
    close: () => registry.close(),
  }
}

/** Images that somebody built, for instance with e2e/. */
function givenImages() {
  return {
    first: parseImageReference(options.image),
    transportOptions: {},
    publishNext: () => `follow ${options.next} from now on`,
    upgrade: (bootc) =>
      bootc.switch({ signature: { kind: 'insecure' }, image: parseImageReference(options.next) }),
    close: () => undefined,
  }
}

/** A whole file of a tree, if it has one. */
async function text(tree, path) {
  if ((await tree.stat(path)) === undefined) return '(not in this image)'
  const chunks = []
  for await (const chunk of tree.read(path)) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

async function timed(text, run) {
  const before = performance.now()
  const result = await run()
  say(`${text}: ${Math.round(performance.now() - before)} ms`)
  return result
}

function layersOf({ layers, bytesFetched }) {
  const fetched = layers.filter(({ cached }) => !cached)
  const total = layers.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  return `${fetched.length} of ${layers.length} fetched: ${kilobytes(bytesFetched)} of ${kilobytes(total)}`
}

function kilobytes(bytes) {
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`
}

async function showEntries() {
  const file = join(dir, 'boot/loader/entries')
  const found = spawnSync(
    'sh',
    ['-c', 'for f in "$1"/*.conf; do echo "[${f##*/}]"; cat "$f"; done', 'sh', file],
    { encoding: 'utf8' },
  )
  indent(found.stdout)
}

function command(...args) {
  const main = fileURLToPath(new URL('../packages/cli/dist/main.js', import.meta.url))
  say(`$ bootc-sdk ${args.join(' ')}`)
  const { stdout, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' })
  indent(`${stdout}${stderr}`)
}

function ostree(...args) {
  const { status, stdout, stderr, error } = spawnSync('ostree', args, { encoding: 'utf8' })
  say(`$ ostree ${args.join(' ')}`)
  if (error?.code === 'ENOENT') return say('(ostree is not installed here; skipped)')
  indent(`${stdout}${stderr}`)
  say(status === 0 ? 'ok' : `failed with exit code ${status}`)
}
