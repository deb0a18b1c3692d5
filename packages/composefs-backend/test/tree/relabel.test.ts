import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bootTransform } from '../../src/tree/boot-transform.js'
import { isDirectory, sortedChildren } from '../../src/tree/inode.js'
import type { FileTree, Inode } from '../../src/tree/inode.js'
import { at, dir, file, layered } from './layers.js'

/** Pieces from which policies and paths come, so that they meet. */
const word = fc.constantFrom('a', 'b', 'ab', 'a.b', 'usr', 'x')
const path = fc.array(word, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'))
const regexPart = fc.constantFrom(
  '/a',
  '/b',
  '/usr',
  '/ab',
  '/.*',
  '(/.*)?',
  '/[^/]+',
  '/a?b',
  '.',
  '\\.',
  '.*',
  '/(a|b)',
  '|/x',
  '$',
  '/a{1,2}',
  '[ab]',
  '/(.*/)?b',
)
const regex = fc
  .array(regexPart, { minLength: 1, maxLength: 4 })
  .map((parts) => `/${parts.join('')}`.replace(/^\/\//, '/'))
const spec = fc.record({ regex, type: fc.constantFrom('', '--', '-d', '-l') })
const alias = fc.tuple(path, path).map(([from, to]) => [`/${from}`, `/${to}`] as const)

type Spec = { regex: string; type: string; context: string }

/** The rules of selabel.rs, word by word and with no thought for speed. */
function naive(
  tree: FileTree,
  specs: readonly Spec[],
  aliases: ReadonlyMap<string, string>,
): Map<Inode, unknown> {
  const labels = new Map<Inode, unknown>()
  const lookup = (asked: string, inode: Inode): string | undefined => {
    const type = isDirectory(inode) ? 'd' : inode.target === '' ? '-' : 'l'
    const found = specs.findLast((candidate) => {
      const wanted = candidate.type === '' ? '.' : candidate.type.slice(1)
      return new RegExp(`^(${candidate.regex})${wanted}$`, 's').test(asked + type)
    })
    return found?.context
  }
  const walk = (inode: Inode, asked: string): void => {
    labels.set(inode, lookup(asked, inode))
    if (!isDirectory(inode)) return
    for (const [name, child] of sortedChildren(inode)) {
      const below = asked.endsWith('/') ? asked + name : `${asked}/${name}`
      walk(child, aliases.get(below) ?? below)
    }
  }
  walk(tree.root, '/')
  return labels
}

const policyDirectories = [
  'etc',
  'etc/selinux',
  'etc/selinux/p',
  'etc/selinux/p/contexts',
  'etc/selinux/p/contexts/files',
]

test('every path gets the label that the rules give it, however specifications are looked up', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(spec, { minLength: 1, maxLength: 12 }),
      fc.array(alias, { maxLength: 3 }),
      fc.uniqueArray(path, { maxLength: 12 }),
      async (given, pairs, paths) => {
        const specs = given.map((one, index) => ({ ...one, context: `label-${index}` }))
        const text = specs.map((one) => `${one.regex} ${one.type} ${one.context}\n`).join('')
        const subs = pairs.map(([from, to]) => `${from} ${to}\n`).join('')
        const parents = paths.flatMap((one) =>
          one.split('/').map((_, index, all) => all.slice(0, index).join('/')),
        )
        const directories = [...new Set([...parents, 'usr', 'boot', 'sysroot', ...policyDirectories])]
          .filter((one) => one !== '')
          .sort()
        const leaves = paths.filter((one) => !directories.includes(one))
        const tree = await layered([
          [
            ...directories.map((name) => dir(name)),
            ...leaves.map((name, index) =>
              index % 2 === 0 ? file(name) : { name, type: 'symlink' as const, linkName: 'x' },
            ),
            ...['/config', '/p/contexts/files/file_contexts', '/p/contexts/files/file_contexts.subs'].map(
              (name) => file(`etc/selinux${name}`),
            ),
          ],
        ])
        at(tree, 'etc/selinux/config').content = Buffer.from('SELINUXTYPE=p\n')
        at(tree, 'etc/selinux/p/contexts/files/file_contexts').content = Buffer.from(text)
        at(tree, 'etc/selinux/p/contexts/files/file_contexts.subs').content = Buffer.from(subs)
        const labelled = await bootTransform(tree, (inode) => Promise.resolve(inode.content!))
        const expected = naive(labelled, specs, new Map(pairs))
        for (const [inode, context] of expected) expect(inode.xattrs?.get('security.selinux')).toBe(context)
      },
    ),
    { numRuns: 300 },
  )
})
