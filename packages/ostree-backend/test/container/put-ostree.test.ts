import { memoryDir } from '@bootc-sdk/core/testing'
import { expect, test } from 'vitest'
import { loadCommit } from '../../src/container/export/commit-contents.js'
import { commitLayerTar } from '../../src/container/export/ostree-layer-tar.js'
import { putOstreeLayer } from '../../src/container/put-ostree.js'
import { encodeCommit, encodeDirMeta, encodeDirTree } from '../../src/format/index.js'
import { commitTree, initRepo } from '../../src/repo/index.js'

test('a commit is complete by the objects of component layers, whatever they are called', async () => {
  const source = await initRepo(memoryDir(), 'archive', { native: false })
  const tree = memoryDir()
  await tree.write('file', Buffer.from('content'))
  const { commit } = await commitTree(source, tree, { canonicalPermissions: true, noXattrs: true })
  const contents = await loadCommit(source, commit)
  const [needed] = contents.files.keys()

  const target = await initRepo(memoryDir(), 'archive', { native: false })
  await using transaction = await target.begin()
  const writer = transaction.content()
  writer.put({ uid: 0, gid: 0, mode: 0o100644, xattrs: [] }, Buffer.from('something else'))
  const [other] = await writer.finish()
  const files = [{ name: needed!, checksum: other! }]
  const rootTree = await transaction.writeMetadata('dirtree', encodeDirTree({ files, dirs: [] }))
  const root = { uid: 0, gid: 0, mode: 0o040755, xattrs: [] }
  const rootMeta = await transaction.writeMetadata('dirmeta', encodeDirMeta(root))
  const component = await transaction.writeMetadata(
    'commit',
    encodeCommit({ metadata: [], subject: '', body: '', timestamp: 0, rootTree, rootMeta }),
  )
  await transaction.commit()

  const input = { digest: `sha256:${'ab'.repeat(32)}`, kind: 'commit', components: [component] } as const
  const tar = commitLayerTar(source, contents, new Map())
  await expect(putOstreeLayer(target, { ...input, tar }, {})).rejects.toMatchObject({
    code: 'IMAGE_OSTREE_LAYER',
    details: { entry: `${needed}.file` },
  })
  expect(await target.has('commit', commit)).toBe(false)
})
