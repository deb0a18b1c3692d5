import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parseDump } from '../../src/format/dump/parse.js'
import { bootTransform } from '../../src/tree/boot-transform.js'
import { ociTransform } from '../../src/tree/oci-transform.js'
import { describeTree } from './describe-tree.js'
import { bootableImages, goldenOci, goldenTree, repositories, rootImages } from './golden-images.js'

describe.each(repositories.filter(({ version }) => version === 1))(
  '$name',
  ({ name: repository, algorithm }) => {
    const golden = (name: string): Record<string, unknown> => {
      const file = new URL(`out/${repository}/${name}.dump`, goldenOci)
      expect(existsSync(file)).toBe(true)
      return describeTree(parseDump(readFileSync(file)))
    }

    test.each(rootImages)('%s: the tree of the layers is the one that cfsctl dumps', async (name) => {
      const { tree } = await goldenTree(name, algorithm)
      expect(describeTree(ociTransform(tree))).toEqual(golden(name))
    })

    test.each(bootableImages)('%s: so is the tree that boots, labels included', async (name) => {
      const { tree, readFile } = await goldenTree(name, algorithm)
      expect(describeTree(await bootTransform(ociTransform(tree), readFile))).toEqual(
        golden(`${name}.bootable`),
      )
    })
  },
)
