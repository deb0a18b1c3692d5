import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { BootSpec, BootVersion, Dir, StoreBackend, StoredImage, Sysroot } from '@bootc-sdk/core'
import { jsCodec } from '@bootc-sdk/core/codec'
import { composeOptions } from '@bootc-sdk/core/bls'
import type { BuiltImage } from '@bootc-sdk/core/testing'
import { afterAll } from 'vitest'

const made: string[] = []
afterAll(() => {
  for (const path of made.splice(0)) {
    // Deployments carry the immutable flag, which only the owner of the file system can clear.
    if (process.getuid?.() === 0) {
      try {
        execFileSync('chattr', ['-R', '-f', '-i', path], { stdio: 'ignore' })
      } catch {
        // Some entries (links) have no flags.
      }
    }
    rmSync(path, { recursive: true, force: true })
  }
})

export function scratch(): string {
  const path = mkdtempSync(join(tmpdir(), 'ostree-sysroot-'))
  made.push(path)
  return path
}

export function golden(...parts: readonly string[]): string {
  return fileURLToPath(new URL(`../golden/${parts.join('/')}`, import.meta.url))
}

/** Import an image that was built in memory. */
export async function importBuilt(
  store: StoreBackend,
  built: BuiltImage,
  name = 'example.test/os:1',
): Promise<StoredImage> {
  const image = {
    reference: { transport: 'registry' as const, name },
    manifestDigest: built.manifestDigest,
    manifest: built.manifest,
    manifestBytes: built.manifestBytes,
    manifestMediaType: built.manifestMediaType,
    config: built.config,
    configDigest: built.configDigest,
    configBytes: built.configBytes,
  }
  await using session = await store.images.begin(image, { timestamp: 1_700_000_000 })
  for (const [i, layer] of session.layers.entries()) {
    if (layer.present) continue
    const { descriptor, blob, diffId } = built.layers[i]!
    const source = { [Symbol.asyncIterator]: () => once(blob)[Symbol.asyncIterator]() }
    const expected = { digest: descriptor.digest, sizeBytes: descriptor.size, diffId }
    await session.putLayer(i, jsCodec().decodeLayer(source, expected))
  }
  return (await session.commit()).image
}

export async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

/** Entries and kernels on the boot volume, and the switch: the part of a boot loader that these tests need. */
export async function writeBootVolume(
  boot: Dir,
  specs: readonly BootSpec[],
  version: BootVersion,
): Promise<void> {
  const entries = `loader.${version}/entries`
  await boot.remove(`loader.${version}`)
  await boot.mkdir(`loader.${version}`)
  await boot.mkdir(entries)
  for (const spec of specs) {
    const { artifact } = spec
    if (artifact.kind !== 'linux') throw new Error('a kernel was expected')
    if ((await boot.stat('ostree')) === undefined) await boot.mkdir('ostree')
    if ((await boot.stat(artifact.dir)) === undefined) {
      await boot.mkdir(artifact.dir)
      for (const file of [artifact.kernel, ...artifact.initrds]) {
        await boot.write(`${artifact.dir}/${file.name}`, file.tree.read(file.path))
      }
    }
    await boot.write(`${entries}/${spec.fileName}`, Buffer.from(entryText(spec)))
  }
  await boot.remove('loader')
  await boot.symlink(`loader.${version}`, 'loader')
}

export function entryText(spec: BootSpec): string {
  const { artifact, bootPrefix = '/' } = spec
  if (artifact.kind !== 'linux') throw new Error('a kernel was expected')
  return [
    `title ${spec.title}`,
    `version ${spec.version}`,
    `options ${composeOptions(spec.kargs, spec.rootKargs)}`,
    `linux ${bootPrefix}${artifact.dir}/${artifact.kernel.name}`,
    ...artifact.initrds.map(({ name }) => `initrd ${bootPrefix}${artifact.dir}/${name}`),
    '',
  ].join('\n')
}

/** Ids of deployments in the order of the entries a boot volume has. */
export async function orderOf(
  sysroot: Sysroot,
  store: StoreBackend,
): Promise<{ id: string; kargs: string[] }[]> {
  const boot = sysroot.boot.dir
  const loader = await boot.readlink('loader')
  const found: { version: number; options: string }[] = []
  for await (const { name } of boot.list(`${loader}/entries`)) {
    const chunks: Uint8Array[] = []
    for await (const chunk of boot.read(`${loader}/entries/${name}`)) chunks.push(chunk)
    const text = Buffer.concat(chunks).toString()
    found.push({
      version: Number(/^version (\d+)$/m.exec(text)![1]),
      options: /^options (.*)$/m.exec(text)![1]!,
    })
  }
  found.sort((a, b) => b.version - a.version)
  const out: { id: string; kargs: string[] }[] = []
  for (const { options } of found) {
    const id = await store.deployments.identify(options)
    if (id === undefined) throw new Error(`entry leads nowhere: ${options}`)
    out.push({ id, kargs: options.split(' ') })
  }
  return out
}

export function ostree(...args: readonly string[]): string {
  return execFileSync('ostree', args, { stdio: ['ignore', 'pipe', 'pipe'] }).toString()
}

/** Why tests with the real tool cannot run here; they must on CI. */
export function missingOstree(): string | undefined {
  if (process.getuid?.() !== 0) return 'deploying with the real tool needs root'
  try {
    ostree('--version')
    return undefined
  } catch (error) {
    if (process.env['CI']) throw error
    return 'ostree is not installed'
  }
}
