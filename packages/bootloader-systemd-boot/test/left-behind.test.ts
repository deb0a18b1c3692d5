import { expect, test } from 'vitest'
import { bench, bls, idA, idB, type Bench } from './specs.js'

async function filesIn({ esp }: Bench, path: string): Promise<{ fileName: string; text: string }[]> {
  const found: { fileName: string; text: string }[] = []
  for await (const { name } of esp.list(path)) {
    const chunks: Uint8Array[] = []
    for await (const chunk of esp.read(`${path}/${name}`)) chunks.push(chunk)
    found.push({ fileName: name, text: Buffer.concat(chunks).toString() })
  }
  return found
}

async function pruned(machine: Bench): Promise<readonly string[]> {
  const { loader, sysroot } = machine
  await using lock = await sysroot.lock()
  await loader.prune((await loader.read()).entries, lock)
  return (await loader.read()).prepared.map(({ options }) => options)
}

test('a change that a power cut has stopped leaves nothing that looks prepared', async () => {
  const machine = await bench({ exchange: false })
  const { commit, esp, files } = machine
  await commit([await bls(idB, 0)])
  const next = await filesIn(machine, 'loader/entries')
  await commit([await bls(idA, 0), await bls(idB, 1)], 1)
  const old = await filesIn(machine, 'loader/entries')
  // Cut before the first step.
  await esp.write('loader/bootc-sdk-entries.json', Buffer.from(JSON.stringify({ old, new: next })))
  expect(await pruned(machine)).toEqual([])
  expect(await esp.stat('loader/entries.staged')).toBeUndefined()
  expect(await files()).toHaveLength(2)
})

test('nor does the set that was exchanged, though it shares entries with the one that boots', async () => {
  const machine = await bench()
  const { commit, esp } = machine
  const [a, b] = [await bls(idA, 0), await bls(idB, 1)]
  await commit([{ ...a, kargs: ['root=UUID=0d', 'rw', 'old'] }, b])
  const old = await filesIn(machine, 'loader/entries')
  await commit([a, b], 1)
  // Cut before the last step.
  await esp.mkdir('loader/entries.staged')
  for (const { fileName, text } of old) {
    await esp.write(`loader/entries.staged/${fileName}`, Buffer.from(text))
  }
  expect(await pruned(machine)).toEqual([])
  expect(await esp.stat('loader/entries.staged')).toBeUndefined()
})
