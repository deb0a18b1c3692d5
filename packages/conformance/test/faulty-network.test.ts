import { composefsImageStore, initComposefsRepo } from '@bootc-sdk/composefs-backend'
import { isBootcError, pullImage, type ImageStore } from '@bootc-sdk/core'
import { bootableImage, faults, faultyRegistry, memoryDir, type MemoryDir } from '@bootc-sdk/core/testing'
import { registryTransport, type Timing } from '@bootc-sdk/core/transports'
import { initRepo, ostreeImageStore } from '@bootc-sdk/ostree-backend'
import { expect, onTestFinished, test } from 'vitest'

// A tenth of what the memory store goes through.
const runs = Math.max(1, Math.round(Number(process.env['PULL_FAULTS'] ?? 2000) / 10))
const onlySeed = process.env['PULL_FAULTS_SEED']
const seeds =
  onlySeed === undefined ? Array.from({ length: runs }, (_, index) => index + 1) : [Number(onlySeed)]
const LANES = 8

const earlier = bootableImage({ version: 1 })
const image = bootableImage({ version: 2 })

/** A clock that only moves when somebody sleeps, at once. */
function quickTiming(): Timing {
  let now = Date.now()
  const sleep = (ms: number, signal?: AbortSignal) => {
    signal?.throwIfAborted()
    now += ms
    return Promise.resolve()
  }
  return { now: () => now, random: () => 0.5, sleep }
}

const stores: Readonly<Record<string, (dir: MemoryDir) => Promise<ImageStore>>> = {
  ostree: async (dir) => ostreeImageStore(await initRepo(dir, 'bare-user')),
  composefs: async (dir) =>
    composefsImageStore(
      await initComposefsRepo(dir, { algorithm: 'sha512', erofsVersion: 1, requireVerity: false }),
    ),
}

test.each(Object.entries(stores))(
  `%s: ${seeds.length} pulls over a bad network leave the whole image, or what was there before`,
  async (_, makeStore) => {
    const registry = await faultyRegistry()
    onTestFinished(() => registry[Symbol.asyncDispose]())
    const clean = registryTransport()
    onTestFinished(() => clean.close())
    registry.push('clean/app', 'v1', earlier)
    registry.push('clean/app2', 'v1', image)

    const pull = (store: ImageStore, repository: string, transport = clean) =>
      pullImage({
        transports: [transport],
        store,
        reference: registry.reference(repository, 'v1'),
        // The same name in every run, so that ids can be compared.
        target: { transport: 'registry', name: 'reg.example/app:v1' },
        retryWaitMs: 0,
        timestamp: 1,
        signal: AbortSignal.timeout(120_000),
      })
    const expected = await makeStore(memoryDir()).then(async (store) => {
      await pull(store, 'clean/app')
      return (await pull(store, 'clean/app2')).image
    })

    const run = async (seed: number): Promise<'right' | 'error'> => {
      const dir = memoryDir()
      const store = await makeStore(dir)
      const hasEarlier = seed % 2 === 0
      if (hasEarlier) await pull(store, 'clean/app')
      const before = hasEarlier ? [earlier.manifestDigest] : []
      const repository = `s${seed}/app`
      registry.push(repository, 'v1', image, faults(seed))
      const transport = registryTransport({ timing: quickTiming(), stallTimeoutMs: 400 })
      try {
        const result = await pull(store, repository, transport)
        expect(result.image).toMatchObject({
          id: expected.id,
          layers: expected.layers.map(({ diffId, id }) => ({ diffId, id })),
        })
        return 'right'
      } catch (error) {
        if (!isBootcError(error) || !/^(TRANSPORT|IMAGE)_/.test(error.code)) throw error
        expect(await manifests(store)).toEqual(before)
        const { problems = [] } = (await store.fsck?.()) ?? {}
        expect(problems).toEqual([])
        return 'error'
      } finally {
        expect(await leftovers(dir)).toEqual([])
        await transport.close()
      }
    }
    const told = async (seed: number) => {
      try {
        return await run(seed)
      } catch (error) {
        const log = registry.describe(`s${seed}/app`)
        throw new Error(`seed ${seed}: ${String(error)}\n${log}`, { cause: error })
      } finally {
        registry.drop(`s${seed}/app`)
      }
    }

    const outcomes: string[] = []
    const queue = [...seeds]
    const lane = async () => {
      for (let seed = queue.shift(); seed !== undefined; seed = queue.shift()) outcomes.push(await told(seed))
    }
    await Promise.all(Array.from({ length: LANES }, lane))
    if (seeds.length >= 100) expect(new Set(outcomes)).toEqual(new Set(['right', 'error']))
  },
  600_000,
)

async function manifests(store: ImageStore): Promise<string[]> {
  const found: string[] = []
  for await (const { manifestDigest } of store.list()) found.push(manifestDigest)
  return found
}

/** What is in a repository's places for temporary files. */
async function leftovers(dir: MemoryDir): Promise<string[]> {
  const found: string[] = []
  for (const place of ['tmp', 'staging']) {
    if ((await dir.stat(place)) === undefined) continue
    for await (const { name } of dir.list(place)) if (name !== 'cache') found.push(`${place}/${name}`)
  }
  return found
}
