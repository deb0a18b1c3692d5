#!/usr/bin/env node
// Registries, copies and small updates, measured in one run: `npm run bench:transport [-- --only NAME]`. Needs root and
// docker-registry, skopeo (1.13 or newer for zstd:chunked; SKOPEO), ostree, mmdebstrap, jq, zstd, time.
import { execFileSync } from 'node:child_process'
import { statSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { cli, fresh, imageLayout, note, path, row, run, save, times, wanted, work } from './harness.mjs'
import { median, measure } from './measure.mjs'
import { startRegistry } from './registry.mjs'

const layout = imageLayout()
const registry = await startRegistry()
const stores = ['ostree', 'composefs']

/** A new store that has these images already. */
function storeWith(store, ...images) {
  const repo = fresh(`${store}-repo`)
  if (store === 'ostree') run('ostree', 'init', '--mode=bare', `--repo=${repo}`)
  for (const image of images) run(...pull(store, repo, image))
  return repo
}
const pull = (store, repo, image) => [
  ...cli,
  ...['image', 'pull', image, '--store', store, '--repo', repo, '--tls-verify=false'],
]

// --- from a registry, and from a directory ---
if (wanted('registry')) registry.push(`oci:${layout}:zstd`, 'bench:zstd')
for (const store of stores) {
  const from = (image) => median(times, () => pull(store, storeWith(store), image))
  row(`registry to ${store}`, () => from(`docker://${registry.host}/bench:zstd`), {
    'oci: of the same': () => from(`oci:${layout}:zstd`),
  })
}

// --- copies ---
if (wanted('copy')) registry.push(`oci:${layout}:zstd`, 'bench:zstd')
row(
  'copy registry to layout',
  () =>
    median(times, () => [
      ...cli,
      ...['image', 'copy', '--tls-verify=false', `docker://${registry.host}/bench:zstd`],
      `oci:${fresh('copy')}:zstd`,
    ]),
  {
    skopeo: () =>
      median(times, () => [
        ...['skopeo', '--insecure-policy', 'copy', '-q', '--src-tls-verify=false'],
        ...[`docker://${registry.host}/bench:zstd`, `oci:${fresh('copy')}:zstd`],
      ]),
  },
)

// --- what an update takes: one file of a hundred changed, all in one layer ---
const update = path('update')
const mb = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`
if (wanted('update')) execFileSync(join(import.meta.dirname, 'make-update.sh'), [work], { stdio: 'inherit' })

/** Pull the second image where the first one is, and count. */
async function updateOf(name, first, second, store) {
  const repo = storeWith(store, `docker://${registry.host}/${first}`)
  const [before, started] = [
    await registry.bytes(),
    measure(pull(store, repo, `docker://${registry.counted}/${second}`)),
  ]
  const bytes = (await registry.bytes()) - before
  const whole = storeWith(store)
  const start = await registry.bytes()
  run(...pull(store, whole, `docker://${registry.counted}/${second}`))
  const wholeBytes = (await registry.bytes()) - start
  note(`${name}, ${store}`, {
    ...started,
    bytes,
    wholeBytes,
    text: `${mb(bytes)} of ${mb(wholeBytes)}: ${((100 * bytes) / wholeBytes).toFixed(2)} %`,
  })
}

if (wanted('update plain') || wanted('update rechunked')) {
  for (const tag of ['v1', 'v2']) registry.push(`oci:${update}:${tag}`, `update:${tag}`)
}
if (wanted('update plain')) await updateOf('update plain', 'update:v1', 'update:v2', 'ostree')
if (wanted('update zstd:chunked')) {
  execFileSync(join(import.meta.dirname, 'make-update.sh'), [work, 'chunked'], { stdio: 'inherit' })
  for (const tag of ['v1', 'v2']) {
    registry.push(`oci:${path('update-chunked')}:${tag}`, `chunked:${tag}`, '--preserve-digests')
  }
  for (const store of stores) await updateOf('update zstd:chunked', 'chunked:v1', 'chunked:v2', store)
}
if (wanted('update rechunked')) {
  const rechunk = (tag, ...more) =>
    measure([
      ...[...cli, 'image', 'rechunk', '--tls-verify=false', ...more],
      ...[`docker://${registry.host}/update:${tag}`, `docker://${registry.host}/rechunked:${tag}`],
    ])
  note('rechunk', { ...rechunk('v1'), text: '' })
  note('rechunk like the one before', {
    ...rechunk('v2', '--previous', `docker://${registry.host}/rechunked:v1`),
    text: '',
  })
  for (const store of stores) await updateOf('update rechunked', 'rechunked:v1', 'rechunked:v2', store)
}
if (wanted('update delta')) {
  const repo = storeWith('ostree', `oci:${update}:v1`, `oci:${update}:v2`)
  const commits = ['v1', 'v2'].map((tag) => commitOf(repo, tag))
  const between = ['--repo', repo, '--from', commits[0], commits[1]]
  const ours = measure([...cli, 'ostree', 'static-delta', 'generate', ...between])
  const bytes = treeBytes(join(repo, 'deltas'))
  const whole = treeBytes(update) / 2
  note('update delta', {
    ...ours,
    bytes,
    wholeBytes: whole,
    text: `${mb(bytes)}: ${((100 * bytes) / whole).toFixed(2)} % of the layer`,
  })
  run('rm', '-rf', join(repo, 'deltas'))
  const theirs = measure([
    'ostree',
    `--repo=${repo}`,
    'static-delta',
    'generate',
    `--from=${commits[0]}`,
    `--to=${commits[1]}`,
  ])
  note('update delta by ostree', {
    ...theirs,
    bytes: treeBytes(join(repo, 'deltas')),
    text: mb(treeBytes(join(repo, 'deltas'))),
  })
}

/** The merge commit of an image. */
function commitOf(repo, tag) {
  const refs = execFileSync('ostree', [`--repo=${repo}`, 'refs', '--list'], { encoding: 'utf8' }).split('\n')
  const ref = refs.find((name) => name.startsWith('ostree/container/image/') && name.endsWith(`_3A_${tag}`))
  return execFileSync('ostree', [`--repo=${repo}`, 'rev-parse', ref], { encoding: 'utf8' }).trim()
}

function treeBytes(dir) {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0)
}

save('results-transport.json')
process.exit()
