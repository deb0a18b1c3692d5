import { expect, test } from 'vitest'
import { isSameTree } from '../../src/oci/same-tree.js'
import { copyTree } from '../../src/tree/copy.js'
import { directory, Inode, S_IFLNK, S_IFREG, type FileTree } from '../../src/tree/inode.js'
import { countLinks } from '../../src/tree/links.js'

function sample(): FileTree {
  const root = directory()
  const usr = directory()
  const file = new Inode(S_IFREG | 0o644)
  file.size = 100
  file.digest = 'a'.repeat(64)
  file.xattrs = new Map([['user.a', '1']])
  const link = new Inode(S_IFLNK | 0o777)
  link.target = 'file'
  const twin = Object.assign(new Inode(S_IFREG | 0o644), file)
  root.children!.set('usr', usr)
  usr.children!.set('file', file)
  usr.children!.set('other', file)
  usr.children!.set('twin', twin)
  usr.children!.set('second', twin)
  usr.children!.set('link', link)
  countLinks(root)
  return { root }
}

const copied = (): FileTree => copyTree(sample(), () => false)
const usrOf = (tree: FileTree): Inode => tree.root.children!.get('usr')!
const child = (tree: FileTree, name: string): Inode => usrOf(tree).children!.get(name)!

test('a copy is the same', () => {
  expect(isSameTree(sample(), copied())).toBe(true)
})

const changes: Readonly<Record<string, (tree: FileTree) => void>> = {
  'mode of the root': ({ root }) => (root.mode ^= 0o10),
  'nanoseconds of a directory': (tree) => (usrOf(tree).mtimeNsec = 1),
  'seconds of a file': (tree) => (child(tree, 'file').mtimeSec = 1n),
  owner: (tree) => (child(tree, 'file').uid = 1),
  group: (tree) => (child(tree, 'link').gid = 1),
  digest: (tree) => (child(tree, 'file').digest = 'b'.repeat(64)),
  size: (tree) => (child(tree, 'file').size = 101),
  target: (tree) => (child(tree, 'link').target = 'files'),
  'an attribute more': (tree) => (child(tree, 'link').xattrs = new Map([['security.selinux', 'x']])),
  'another value': (tree) => (child(tree, 'file').xattrs = new Map([['user.a', '2']])),
  'an attribute less': (tree) => (child(tree, 'file').xattrs = undefined),
  'a name less': (tree) => void usrOf(tree).children!.delete('link'),
  'another name': (tree) => {
    usrOf(tree).children!.delete('link')
    usrOf(tree).children!.set('links', child(copied(), 'link'))
  },
  'other hard links': (tree) => {
    const [file, twin] = [child(tree, 'file'), child(tree, 'twin')]
    usrOf(tree).children!.set('other', twin)
    usrOf(tree).children!.set('second', file)
  },
}

test.each(Object.keys(changes))('%s makes a difference', (what) => {
  const tree = copied()
  changes[what]!(tree)
  expect(isSameTree(sample(), tree)).toBe(false)
  expect(isSameTree(tree, sample())).toBe(false)
})
