// One file for what every run needs and one for each command: reading a hundred small modules would take
// longer than `status` may. Runs after tsc, on its output; `dist/main.js` becomes the bundled entry.
import { chmod, readdir, rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'

const dist = fileURLToPath(new URL('dist/', import.meta.url))

for (const name of await readdir(dist)) if (name.startsWith('chunk-')) await rm(dist + name)

const bundle = await rolldown({
  input: { main: `${dist}entry.js` },
  platform: 'node',
  // Loaded on demand, and some of them only where they are installed.
  external: ['@bootc-sdk/native', 'undici', 'yaml'],
  treeshake: { moduleSideEffects: false },
})
// Chunks stay beside the entry, because modules find package.json relative to themselves.
await bundle.write({
  dir: dist,
  format: 'esm',
  entryFileNames: '[name].js',
  chunkFileNames: 'chunk-[name]-[hash].js',
})
await bundle.close()
await chmod(`${dist}main.js`, 0o755)
