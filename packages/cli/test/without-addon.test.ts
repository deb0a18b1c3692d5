import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { nodeDir, nodeHost } from '@bootc-sdk/core/node'
import { bootableImage, serveRegistry, type RegistryServer } from '@bootc-sdk/core/testing'
import { expect, onTestFinished, test as plainTest } from 'vitest'
import { removeTree } from './remove-tree.js'

const main = fileURLToPath(new URL('../bin/bootc-sdk.js', import.meta.url))
const built = existsSync(new URL('../dist/main.js', import.meta.url))
if (!built && process.env['CI'] !== undefined) throw new Error('the command is not built: npm run build')
// Whether the addon is used is decided once in a process, so each way gets processes of its own.
const test = plainTest.skipIf(!built)

async function command(native: '0' | '1', ...args: string[]): Promise<void> {
  const env = { ...process.env, BOOTC_SDK_NATIVE: native }
  const child = spawn(main, args, { env, stdio: ['ignore', 'ignore', 'pipe'] })
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const code = await new Promise((resolve) => child.on('close', resolve))
  expect({ args, code, stderr }).toMatchObject({ code: 0 })
}

/** Install version 1, move the tag, upgrade to version 2 twice (the second finds nothing new), clean up. */
async function machine(registry: RegistryServer, native: '0' | '1'): Promise<string> {
  const work = await mkdtemp(join(tmpdir(), 'bootc-sdk-cli-'))
  onTestFinished(() => removeTree(work))
  const dir = join(work, 'sysroot')
  await mkdir(dir)
  const image = (version: number) => bootableImage({ version, architecture: nodeHost().arch })
  registry.push('os', 'stable', image(1))
  const source = ['--tls-verify=false', '--source-imgref', `docker://${registry.host}/os:stable`]
  await command(native, 'install', 'to-filesystem', ...source, '--karg', 'root=LABEL=x', dir)
  registry.push('os', 'stable', image(2))
  await command(native, 'upgrade', '--tls-verify=false', '--sysroot', dir)
  await command(native, 'upgrade', '--tls-verify=false', '--sysroot', dir)
  return dir
}

/** Layers are committed at the time of their import, so their commits differ; what those say of the layers does not. */
const timed = /^ostree\/repo\/(objects(\/..(\/.*\.commit)?)?|refs\/.*\/blob\/.*)$/

/** Everything about every entry but times. */
async function listing(dir: string): Promise<string[]> {
  const tree = nodeDir(dir)
  const out: string[] = []
  const walk = async (path: string) => {
    for await (const { name, stat } of tree.list(path)) {
      const entry = path === '' ? name : `${path}/${name}`
      const xattrs = (await tree.xattrs(entry)).map(
        (xattr) => `${xattr.name}=${Buffer.from(xattr.value).toString('hex')}`,
      )
      const content =
        stat.type === 'file'
          ? createHash('sha256')
              .update(await readFile(join(dir, entry)))
              .digest('hex')
          : stat.type === 'symlink'
            ? await tree.readlink(entry)
            : ''
      if (stat.type === 'directory') await walk(entry)
      if (timed.test(entry)) continue
      const { type, mode, uid, gid, nlink } = stat
      out.push([entry, type, mode.toString(8), uid, gid, nlink, content, ...xattrs].join(' '))
    }
  }
  await walk('')
  return out
}

test('an installation and an upgrade are the same without the addon, byte for byte', async () => {
  const registry = await serveRegistry()
  onTestFinished(() => registry.close())
  const without = await machine(registry, '0')
  expect(await listing(without)).toEqual(await listing(await machine(registry, '1')))
  if (spawnSync('ostree', ['--version']).status === 0) {
    const repo = `--repo=${join(without, 'ostree/repo')}`
    execFileSync('ostree', ['fsck', '--quiet', repo], { stdio: 'pipe' })
  } else if (process.env['CI'] !== undefined) {
    throw new Error('ostree is not installed')
  }
})
