import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { isBootcError } from '../../src/errors.js'
import { diffEtc, mergeEtc, printEtcDiff } from '../../src/etc-merge/index.js'
import { listing, treeDir } from './trees.js'
import type { Tree } from './trees.js'

interface Case {
  name: string
  pristine: Tree
  current: Tree
  fresh: Tree
  diff: string
  merged?: Tree
  error?: string
}
const file = new URL('../golden/etc-merge/cases.json', import.meta.url)
const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { cases: Case[] }

const lines = (text: string): string[] => text.split('\n').sort()

describe('what ostree admin deploy did with a changed /etc', () => {
  test.each(cases)('$name: the same changes are listed', async (one) => {
    const diff = await diffEtc(await treeDir(one.pristine), await treeDir(one.current))
    expect(lines(printEtcDiff(diff))).toEqual(lines(one.diff))
  })

  // Where ostree follows a link or stumbles over a removal, we refuse or go on; tested in merge.test.ts.
  const differing = ['change below what is now a link', 'removed below what is now a file']

  test.each(cases.filter(({ name }) => !differing.includes(name)))('$name: the same result', async (one) => {
    const target = await treeDir(one.fresh)
    const trees = { pristine: await treeDir(one.pristine), current: await treeDir(one.current), target }
    const outcome: unknown = await mergeEtc(trees).catch((error: unknown) => error)
    if (one.merged === undefined) {
      expect(isBootcError(outcome, 'DEPLOY_ETC_CONFLICT')).toBe(true)
      expect(await listing(target)).toEqual(await listing(await treeDir(one.fresh)))
    } else {
      expect(outcome).not.toBeInstanceOf(Error)
      expect(await listing(target)).toEqual(one.merged)
    }
  })
})
