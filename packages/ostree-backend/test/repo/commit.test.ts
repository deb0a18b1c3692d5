import { describe, expect, it } from 'vitest'
import { memoryDir } from '@bootc-sdk/core/testing'
import { commitTrees, initRepo, openRepo, type CommitOptions } from '../../src/repo/index.js'
import { goldenCommits, goldenModes, goldenTar, unpackTar } from './golden-repos.js'
import { backings, bytesOf } from './backings.js'

describe.each(backings)('on $name', (backing) => {
  describe.each(goldenModes)('committing the golden trees into %s', (mode) => {
    it.skipIf(!backing.holds(mode))('gives the commits of the real tool', async () => {
      await using place = await backing.make()
      const repo = await initRepo(place.dir, mode, { native: backing.native })
      const golden = Object.entries(goldenCommits(mode))
      const expected = (subject: string) =>
        golden.find(
          ([, commit]) => commit.subject === subject && commit.rev.startsWith('golden/x86_64/stable'),
        )
      for (const version of [1, 2]) {
        const options: CommitOptions = {
          branch: 'golden/x86_64/stable',
          timestamp: 0,
          subject: `Golden v${version}`,
          body: `Body text of golden commit v${version}`,
          metadata: [['version', { type: 's', value: `${version}.0` }]],
        }
        const tar = bytesOf(goldenTar(`tree-v${version}.tar`))
        const made = await commitTrees(repo, [{ tar }], options)
        expect(made.commit).toBe(expected(`Golden v${version}`)![0])
      }
      const again = await openRepo(place.dir, { native: false })
      expect(await again.resolveRev('golden/x86_64/stable^')).toBe(expected('Golden v1')![0])
      for await (const { name } of place.dir.list('tmp')) expect(name).toBe('nothing is left')
    })
  })

  it('gives the same trees from a directory as from a tar', async () => {
    const source = memoryDir()
    await unpackTar(goldenTar('tree-v1.tar'), source)
    await using place = await backing.make()
    const repo = await initRepo(place.dir, 'archive', { native: backing.native })
    const fromTree = await commitTrees(repo, [{ tree: source }], { timestamp: 0 })
    expect(fromTree.rootTree).toBe('cfdaef199a070de4ad8cbc7b2701fb8d725caf89166522f1d82cdb47e2f82ef3')
    const fromTar = await commitTrees(repo, [{ tar: bytesOf(goldenTar('tree-v1.tar')) }], { timestamp: 0 })
    expect(fromTar).toMatchObject({ commit: fromTree.commit, objects: 0, bytes: 0 })
  })
})
