// One file for what every run needs and one for each command: reading two hundred small modules would take longer
// than `status` may. Runs after tsc, on its output; makes `dist/main.js` and its chunks.
import { chmod, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'

const dist = fileURLToPath(new URL('dist/', import.meta.url))

const input = {
  input: { main: join(dist, 'entry.js') },
  platform: 'node',
  // Loaded on demand, and the addon only where it is built.
  external: ['@bootc-sdk/native', '@bootc-sdk/signatures', 'undici', 'yaml'],
  treeshake: { moduleSideEffects: false },
  plugins: [wholePackages()],
}

const backends = ['ostree-backend', 'composefs-backend', 'bootloader-grub', 'bootloader-systemd-boot']
const isOf = (id, name) => id.includes(`/packages/${name}/dist/`)

// What `status` and `rollback` load, which have to be there at once: every command, all commands on a system, and those
// with the stores and loaders there may be. Known from a first bundle, in which nothing is put together by force.
const first = await naturalChunks()
const start = staticallyReached(['cli/dist/run-process.js'])
const always = staticallyReached(['cli/dist/run-process.js', 'cli/dist/commands/status.js'])
const everyday = staticallyReached([
  'cli/dist/run-process.js',
  'cli/dist/commands/status.js',
  'cli/dist/commands/rollback.js',
  'core/dist/orchestrate/rollback.js',
  'ostree-backend/dist/open-backend.js',
  'composefs-backend/dist/open-backend.js',
  'bootloader-grub/dist/detect.js',
  'bootloader-grub/dist/bootloader.js',
  'bootloader-systemd-boot/dist/bootloader.js',
])

const bundle = await rolldown(input)
// Chunks stay beside the entry, because modules find package.json relative to themselves.
const { output } = await bundle.write({
  dir: dist,
  format: 'esm',
  entryFileNames: '[name].js',
  chunkFileNames: 'chunk-[name]-[hash].js',
  codeSplitting: {
    // Each file takes time of its own, and so does each byte. A group takes along what its modules import, unless that
    // is in one of higher priority: what is imported comes first.
    groups: [
      { name: 'errors', test: /packages.core.dist.errors/, priority: 6 },
      // Before anything else is loaded.
      { name: 'cache-dir', test: /packages.cli.dist.commands.cache-dir/, priority: 6 },
      { name: 'system', test: (id) => isOf(id, 'core') && always.has(id), priority: 5 },
      {
        name: 'detection',
        test: (id) => backends.some((name) => isOf(id, name)) && always.has(id),
        priority: 4,
      },
      {
        name: 'host',
        test: (id) => isOf(id, 'cli') && everyday.has(id) && !start.has(id),
        priority: 3,
      },
      { name: 'change', test: (id) => isOf(id, 'core') && everyday.has(id), priority: 3 },
      // Loaded where a sysroot has it.
      ...backends.map((name) => ({
        name,
        test: (id) => isOf(id, name) && everyday.has(id) && !always.has(id),
        priority: 2,
      })),
      // What several other commands share in one file; what only one of them needs stays with it.
      {
        name: 'library',
        test: (id) =>
          /packages.(core.dist.(?!transports)|ostree-backend|composefs-backend)/.test(id) &&
          !everyday.has(id),
        minShareCount: 12,
        priority: 1,
      },
    ],
  },
  // Names are kept, so that stack traces can be read.
  minify: { compress: false, mangle: false, codegen: { removeWhitespace: true } },
})
await bundle.close()
// Those of earlier builds last: a build that fails, or a command that is running meanwhile, still finds all it needs.
const current = new Set(output.map(({ fileName }) => fileName))
for (const name of await readdir(dist)) {
  if (name.startsWith('chunk-') && !current.has(name)) await rm(join(dist, name))
}
await chmod(join(dist, 'main.js'), 0o755)
await writeFile(
  join(dist, 'THIRD-PARTY.txt'),
  await licences(output.flatMap((chunk) => chunk.moduleIds ?? [])),
)

/** Texts that have to go with what was bundled. */
async function licences(modules) {
  const packages = new Set()
  for (const id of modules) {
    const found = /^(.*node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+)/.exec(id)?.[1]
    if (found !== undefined) packages.add(found)
  }
  const texts = []
  for (const dir of [...packages].sort()) {
    const { name, version, license } = JSON.parse(await readFile(join(dir, 'package.json'), 'utf8'))
    const file = (await readdir(dir)).find((entry) => /^licen[cs]e/i.test(entry))
    const text = file === undefined ? '' : await readFile(join(dir, file), 'utf8')
    texts.push(`${name} ${version} (${license})\n\n${text.trim()}\n`)
  }
  return texts.join(`\n${'-'.repeat(80)}\n\n`)
}

async function naturalChunks() {
  const bundle = await rolldown({ ...input, onLog: () => undefined })
  const { output } = await bundle.generate({ format: 'esm' })
  await bundle.close()
  return output.filter(({ type }) => type === 'chunk')
}

/**
 * Ids of the modules that are loaded together with these.
 *
 * @param facades ends of paths of modules that are imported dynamically
 */
function staticallyReached(facades) {
  const chunks = new Map(first.map((chunk) => [chunk.fileName, chunk]))
  const reached = new Set()
  const walk = (chunk) => {
    if (chunk === undefined || reached.has(chunk)) return
    reached.add(chunk)
    for (const name of chunk.imports) walk(chunks.get(name))
  }
  for (const facade of facades) {
    const chunk = first.find(({ facadeModuleId }) => facadeModuleId?.endsWith(`/${facade}`))
    if (chunk === undefined) throw new Error(`${facade} is not imported dynamically any more`)
    walk(chunk)
  }
  return new Set([...reached].flatMap(({ moduleIds }) => moduleIds))
}

/**
 * `await import('@bootc-sdk/core')` asks for all of a package. Under a name of its own it does not make those who import
 * one thing from the package load all the rest as well.
 */
function wholePackages() {
  const prefix = '\0whole:'
  return {
    name: 'whole-packages',
    async resolveId(source, importer, { kind }) {
      if (kind !== 'dynamic-import' || !source.startsWith('@bootc-sdk/')) return null
      const found = await this.resolve(source, importer, { skipSelf: true })
      return found === null || found.external ? found : `${prefix}${found.id}`
    },
    load: (id) => (id.startsWith(prefix) ? `export * from ${JSON.stringify(id.slice(prefix.length))}` : null),
  }
}
