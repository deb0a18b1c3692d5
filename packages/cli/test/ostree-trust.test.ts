import { execFile, spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { isBootcError } from '@bootc-sdk/core'
import { nodeDir } from '@bootc-sdk/core/node'
import { initRepo, pullRemote } from '@bootc-sdk/ostree-backend'
import { detachedOpenPgp } from '@bootc-sdk/signatures'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import answers from './golden/ostree-trust.json' with { type: 'json' }
import { trustCases, type TrustCase } from './ostree-trust-cases.js'
import { serveFiles, signedRepo, World } from './ostree-trust-world.js'

/**
 * Another ostree than the system's, built with ed25519 and spki, writes what it decides into the golden file; needs
 * root, since its system keys are at fixed places.
 */
const recorder = process.env['OSTREE_TRUST_RECORD']
const recorded: Record<string, boolean> = {}

const installed = spawnSync('ostree', ['--version']).status === 0
if (!installed && process.env['CI'] !== undefined) throw new Error('CI needs the ostree program')

const world = await World.make()
const cases = trustCases(world)
const refusals = ['STORE_OSTREE_SIGNATURE', 'STORE_OSTREE_KEY', 'STORE_OSTREE_REMOTE']

beforeAll(() => expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length))
afterAll(async () => {
  if (recorder === undefined) return
  const path = join(import.meta.dirname, 'golden/ostree-trust.json')
  await writeFile(path, `${JSON.stringify(recorded, undefined, 2)}\n`)
})

interface Prepared {
  readonly dir: string
  readonly commit: string
  /** `@FILE` stands for files beside the repository. */
  readonly config: Readonly<Record<string, string>>
}

async function prepare(each: TrustCase): Promise<Prepared> {
  const dir = await mkdtemp(join(tmpdir(), 'bootc-sdk-trust-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  const { commit } = await signedRepo(dir, world, each)
  for (const [place, files] of [
    ['files', each.files ?? {}],
    ['system', each.system ?? {}],
  ] as const) {
    for (const [name, content] of Object.entries(files)) {
      const path = join(dir, place, name)
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, content)
    }
  }
  const served = each.url === 'file' ? undefined : await serveFiles(join(dir, 'served'))
  onTestFinished(() => served?.close())
  const config: Record<string, string> = { url: served?.url ?? `file://${join(dir, 'served')}` }
  for (const [key, value] of Object.entries(each.config)) {
    config[key] = value.replace(/@/g, `${join(dir, 'files')}/`)
  }
  return { dir, commit, config }
}

async function client(dir: string, each: TrustCase, config: Readonly<Record<string, string>>) {
  const path = join(dir, 'client')
  await mkdir(path)
  const repo = await initRepo(nodeDir(path), 'archive')
  await repo.setConfig(
    Object.entries(config).map(([key, value]) => ({ group: 'remote "origin"', key, value })),
  )
  if (each.keyring !== undefined) {
    await writeFile(join(path, 'origin.trustedkeys.gpg'), world.keyring(...each.keyring))
  }
  return { repo, path }
}

/** Accepted: the commit is there. Refused: a typed error, and nothing is. */
async function ours(each: TrustCase): Promise<boolean> {
  const { dir, commit, config } = await prepare(each)
  const { repo, path } = await client(dir, each, config)
  try {
    await pullRemote(repo, 'origin', {
      refs: ['main'],
      trust: { openpgp: () => Promise.resolve(detachedOpenPgp()), systemRoot: join(dir, 'system') },
    })
  } catch (error) {
    if (!isBootcError(error) || !refusals.includes(error.code)) throw error
    expect([...(await repo.listRefs()).keys()]).toEqual([])
    expect(await readdir(join(path, 'objects'))).toEqual([])
    expect(await readdir(join(path, 'state'))).toEqual([])
    return false
  }
  expect(await repo.resolveRev('origin:main')).toBe(commit)
  return true
}

async function theirs(program: string, each: TrustCase): Promise<boolean> {
  const { dir, config } = await prepare(each)
  const { path } = await client(dir, each, config)
  const keyrings = join(dir, 'system/usr/share/ostree/trusted.gpg.d')
  const [etc, usr] = [join(dir, 'system/etc/ostree'), join(dir, 'system/usr/share/ostree')]
  await Promise.all([etc, usr, keyrings].map((each) => mkdir(each, { recursive: true })))
  const pull = [program, `--repo=${path}`, 'pull', 'origin', 'main']
  const inNamespace = ['unshare', '--mount', 'sh', '-euc', bindSystem, 'sh', etc, usr, ...pull]
  const [command, ...args] = program === recorder ? inNamespace : pull
  const env = { ...process.env, OSTREE_GPG_HOME: keyrings }
  return promisify(execFile)(command!, args, { env }).then(
    () => true,
    (error: { code?: unknown; stderr?: string }) => {
      if (error.code !== 1 || !/^error: /m.test(error.stderr ?? '')) throw error as Error
      return false
    },
  )
}

/** An empty file system stands in for each, so that nothing of the host's changes. */
const bindSystem = `
  for place in etc:"$1" usr/share:"$2"; do
    at=/\${place%%:*}/ostree
    if ! [ -d "$at" ]; then
      work=$(mktemp -d); mount -t tmpfs tmpfs "$work"; mkdir "$work/up" "$work/wk"
      mount -t overlay overlay -o "lowerdir=/\${place%%:*},upperdir=$work/up,workdir=$work/wk" "/\${place%%:*}"
      mkdir "$at"
    fi
    mount --bind "\${place#*:}" "$at"
  done
  shift 2
  exec "$@"`

describe('what is accepted from a remote', () => {
  test.runIf(recorder !== undefined).each(cases)('is recorded: $name', async (each) => {
    recorded[each.name] = await theirs(recorder!, each)
  })

  test.skipIf(recorder !== undefined).each(cases)('is what libostree accepts: $name', async (each) => {
    const expected = (answers as Record<string, boolean>)[each.name]
    expect(expected).toBeTypeOf('boolean')
    expect(await ours(each)).toBe(each.stricter === undefined ? expected : false)
    if (each.stricter !== undefined) expect(expected).toBe(true)
  })

  // The system's ostree may have OpenPGP only.
  const isOpenPgp = ({ config }: TrustCase) =>
    !Object.keys(config).some((key) => /^(sign|verification)-/.test(key))
  test.skipIf(!installed || recorder !== undefined).each(cases.filter(isOpenPgp))(
    'is what the ostree of this machine accepts: $name',
    async (each) => {
      expect(await theirs('ostree', each)).toBe(await ours(each))
    },
  )
})
