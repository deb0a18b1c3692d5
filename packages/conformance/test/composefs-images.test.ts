import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { imageStoreSuite } from '@bootc-sdk/conformance'
import { composefsImageStore, initComposefsRepo, openComposefsRepo } from '@bootc-sdk/composefs-backend'
import type { Dir } from '@bootc-sdk/core'
import { nodeDir } from '@bootc-sdk/core/node'
import { memoryDir } from '@bootc-sdk/core/testing'
import { describe, test } from 'vitest'

const places: Readonly<Record<string, () => Promise<{ dir: Dir; remove: () => Promise<void> }>>> = {
  memory: () => Promise.resolve({ dir: memoryDir(), remove: () => Promise.resolve() }),
  'a directory': async () => {
    const path = await mkdtemp(join(tmpdir(), 'composefs-images-'))
    return { dir: nodeDir(path), remove: () => rm(path, { recursive: true, force: true }) }
  },
}

const kinds = [
  { algorithm: 'sha512', erofsVersion: 1, tagStyle: 'reference', native: undefined },
  { algorithm: 'sha256', erofsVersion: 2, tagStyle: 'bootc', native: false },
] as const

for (const [place, make] of Object.entries(places)) {
  for (const { algorithm, erofsVersion, tagStyle, native } of kinds) {
    imageStoreSuite({
      ...{ test, describe },
      name: `composefs in ${place}, ${algorithm}, V${erofsVersion}, tags of ${tagStyle}`,
      async create() {
        const { dir, remove } = await make()
        const repos = [
          await initComposefsRepo(dir, { algorithm, erofsVersion, requireVerity: false, native }),
        ]
        const options = { bootable: 'auto', tagStyle } as const
        return {
          store: composefsImageStore(repos[0]!, options),
          async reopen() {
            const repo = await openComposefsRepo(dir, { native })
            repos.push(repo)
            return composefsImageStore(repo, options)
          },
          async dispose() {
            for (const repo of repos) await repo[Symbol.asyncDispose]()
            await remove()
          },
        }
      },
    })
  }
}
