// A system installed from an image, upgraded and rolled back, in a temporary directory. No root, no account.
//
//   node examples/demo.mjs
//   node examples/demo.mjs --image oci:LAYOUT:v1 --next oci:LAYOUT:v2   real images (as root, to keep owners)
//
// --keep leaves the directory for a look around.
import { spawnSync } from 'node:child_process'
import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { openBootc, parseImageReference } from '@bootc-sdk/core'
import { nativeStatus, nodeHost, nodeSysroot } from '@bootc-sdk/core/node'
import { bootableImage, serveRegistry } from '@bootc-sdk/core/testing'
import { defaultTransports } from '@bootc-sdk/core/transports'
import { ostreeBackend } from '@bootc-sdk/ostree-backend'
import { grubBootloader } from '@bootc-sdk/bootloader-grub'

const { values: options } = parseArgs({
  options: { image: { type: 'string' }, next: { type: 'string' }, keep: { type: 'boolean', default: false } },
})
if ((options.image === undefined) !== (options.next === undefined)) {
  console.error('--image and --next come together')
  process.exit(2)
}

const startedMs = performance.now()
const colour = process.stdout.isTTY && process.env.NO_COLOR === undefined
const bold = (text) => (colour ? `\u001b[1m${text}\u001b[0m` : text)
const dim = (text) => (colour ? `\u001b[2m${text}\u001b[0m` : text)
const heading = (text) => console.log(`\n${bold(`== ${text}`)}`)
const say = (text) => console.log(`   ${text}`)
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
    stores: [ostreeBackend()],
    bootloaders: [grubBootloader()],
  })
  const native = nativeStatus()
  say(`native addon: ${native.available ? 'in use' : `not in use (${native.reason})`}`)

  heading('Install version 1')
  const installed = await timed(`into ${dir}`, () =>
    bootc.install({
      source: { signature: { kind: 'insecure' }, image: source.first },
      kargs: { root: ['root=LABEL=demo', 'rw'] },
    }),
  )
  say(`image     ${installed.image.manifestDigest}`)
  say(`layers    ${layersOf(installed.pull)}`)
  say(`kernel    ${installed.kargs.join(' ')}`)
  await showEntries()

  heading('Change things on the machine')
  const deployments = join(dir, 'ostree/deploy/default/deploy')
  const etc = join(deployments, installed.deployment, 'etc')
  await writeFile(join(etc, 'motd'), 'Welcome to the demo\n')
  await appendFile(join(etc, 'hostname'), '# changed by hand\n')
  say('new file /etc/motd, and a line appended to /etc/hostname')

  heading('Upgrade to version 2')
  const checked = await source.publishNext(bootc)
  say(checked)
  const upgraded = await timed('fetch, import, deploy, switch', () => source.upgrade(bootc))
  say(`outcome   ${upgraded.outcome}`)
  if (upgraded.pull !== undefined) say(`layers    ${layersOf(upgraded.pull)}`)
  const newEtc = join(deployments, upgraded.deployment, 'etc')
  say(`/etc/motd came along: ${JSON.stringify(await readFile(join(newEtc, 'motd'), 'utf8'))}`)
  await showEntries()

  heading('Status')
  await command('status', '--format', 'humanreadable')

  heading('Roll back')
  const { next } = await timed('write entries, switch', () => bootc.rollback())
  say(`next boot: ${next} deployment`)
  await command('status', '--format', 'humanreadable')

  heading('The real ostree reads it')
  ostree('admin', 'status', `--sysroot=${dir}`)
  ostree('fsck', '--quiet', `--repo=${join(dir, 'ostree/repo')}`)

  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
  console.log(
    `\n${bold(`Done in ${seconds} s.`)} ${options.keep ? `Look around in ${dir}` : 'Nothing is left behind.'}`,
  )
} finally {
  await source.close()
  if (!options.keep) await rm(work, { recursive: true, force: true })
}

/** Two versions of a small system, served on loopback; the tag moves from one to the other. */
async function generatedImages() {
  heading('A registry with a small operating system')
  const registry = await serveRegistry()
  const { arch } = nodeHost()
  const [v1, v2] = [1, 2].map((version) => bootableImage({ version, architecture: arch }))
  registry.push('demo/os', v1, 'stable')
  const image = registry.reference('demo/os', 'stable')
  say(`docker://${image.name}, ${v1.layers.length} layers`)
  return {
    first: image,
    transportOptions: { tlsVerify: false },
    async publishNext(bootc) {
      registry.push('demo/os', v2, 'stable')
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
  say(`$ bootc-sdk ${args.join(' ')} --sysroot …`)
  const { stdout, stderr } = spawnSync(process.execPath, [main, ...args, '--sysroot', dir], {
    encoding: 'utf8',
  })
  indent(`${stdout}${stderr}`)
}

function ostree(...args) {
  const { status, stdout, stderr, error } = spawnSync('ostree', args, { encoding: 'utf8' })
  say(`$ ostree ${args.join(' ')}`)
  if (error?.code === 'ENOENT') return say('(ostree is not installed here; skipped)')
  indent(`${stdout}${stderr}`)
  say(status === 0 ? 'ok' : `failed with exit code ${status}`)
}
