// One file for what every run needs and one for each command: reading two hundred small modules would take longer
// than `status` may. Runs after tsc, on its output; makes `dist/main.js` and its chunks.
import { chmod, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'

const dist = fileURLToPath(new URL('dist/', import.meta.url))

const bundle = await rolldown({
  input: { main: join(dist, 'entry.js') },
  platform: 'node',
  // Loaded on demand, and the addon only where it is built.
  external: ['@bootc-sdk/native', '@bootc-sdk/signatures', 'undici', 'yaml'],
  treeshake: { moduleSideEffects: false },
})
// Chunks stay beside the entry, because modules find package.json relative to themselves.
const { output } = await bundle.write({
  dir: dist,
  format: 'esm',
  entryFileNames: '[name].js',
  chunkFileNames: 'chunk-[name]-[hash].js',
  codeSplitting: {
    groups: [
      { name: 'errors', test: /packages.core.dist.errors/, priority: 2 },
      // What several commands share in one file; what only one of them needs stays with it.
      {
        name: 'library',
        test: /packages.(core.dist.(?!transports)|ostree-backend|composefs-backend|bootloader-grub|bootloader-systemd-boot)/,
        minShareCount: 12,
        priority: 1,
      },
      // Each file costs about a millisecond: what every change of the boot order needs.
      {
        name: 'order',
        test: /packages.core.dist.orchestrate.(announce|prune|reboot|retention|rollback|trial-start|write-order)\.js/,
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
