import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { nodeDir } from '@bootc-sdk/core/node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ComposefsRepo } from '../../src/repo/api.js'
import { openComposefsRepo } from '../../src/repo/index.js'
import { bootTransform } from '../../src/tree/boot-transform.js'
import { treeFromLayers } from '../../src/tree/from-layers.js'
import { imageIdOf } from '../../src/tree/image-id.js'
import { ociTransform } from '../../src/tree/oci-transform.js'
import { repoFileReader } from '../../src/tree/read-file.js'
import { bootableImages, goldenImage, goldenOci, repositories, rootImages } from './golden-images.js'

let base: string
beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), 'composefs-golden-'))
})
afterAll(() => rmSync(base, { recursive: true, force: true }))

describe.each(repositories)(
  'repository $name, made by cfsctl',
  ({ name: repository, algorithm, version }) => {
    let repo: ComposefsRepo
    beforeAll(async () => {
      const archive = fileURLToPath(new URL(`repos/${repository}.tar.gz`, goldenOci))
      expect(spawnSync('tar', ['-xzf', archive, '-C', base]).status).toBe(0)
      repo = await openComposefsRepo(nodeDir(join(base, repository)))
    })
    afterAll(() => repo[Symbol.asyncDispose]())

    const inspect = (name: string): { composefs_erofs: string; composefs_boot_erofs?: string } =>
      JSON.parse(readFileSync(new URL(`out/${repository}/${name}.inspect.json`, goldenOci), 'utf8')) as never

    test.each(rootImages)('%s has the id that cfsctl gave it', async (name) => {
      const { config } = await goldenImage(name)
      const tree = await treeFromLayers(repo, config.rootfs.diff_ids)
      expect(imageIdOf(ociTransform(tree), algorithm, version)).toBe(inspect(name).composefs_erofs)
    })

    test.each(bootableImages)('%s, made bootable, as well', async (name) => {
      const { config } = await goldenImage(name)
      const plain = ociTransform(await treeFromLayers(repo, config.rootfs.diff_ids))
      const tree = await bootTransform(plain, repoFileReader(repo))
      expect(imageIdOf(tree, algorithm, version)).toBe(inspect(name).composefs_boot_erofs)
      // The plain tree was not touched.
      expect(imageIdOf(plain, algorithm, version)).toBe(inspect(name).composefs_erofs)
    })
  },
)
