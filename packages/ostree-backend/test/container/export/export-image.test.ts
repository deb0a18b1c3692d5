import { isBootcError, type Xattr } from '@bootc-sdk/core'
import { describe, expect, test } from 'vitest'
import { exportImage } from '../../../src/container/export/export-image.js'
import { ostreeImageStore } from '../../../src/container/image-store.js'
import { lsTree } from '../../../src/repo/index.js'
import type { OstreeRepo } from '../../../src/repo/api.js'
import { goldenCase, goldenPath } from '../golden-images.js'
import { builtBlobs, importBuilt, importedRepo, layoutBlobs, memoryRepo } from './support.js'

describe.each(['06-ostree-encapsulated', '07-ostree-chunked', '15-signed'])('%s, stored', (name) => {
  test('is exported with its own digest, byte for byte', async () => {
    const { repo, image } = await importedRepo(name)
    await using made = await exportImage(repo, image)
    expect(made.image.manifestDigest).toBe(goldenCase(name).manifest_digest)
    const wanted = layoutBlobs(goldenPath(name, 'oci'))
    for (const [digest, bytes] of await builtBlobs(made)) expect(bytes.equals(wanted.get(digest)!)).toBe(true)
    for (const { digest, diffId, original } of made.layers) expect({ digest, diffId }).toEqual(original)
  })

  test('compressed otherwise keeps config and diffIds, and the manifest says what the layers are', async () => {
    const { repo, image } = await importedRepo(name)
    await using made = await exportImage(repo, image, { compression: 'none' })
    expect(made.image.configDigest).toBe(image.configDigest)
    expect(made.image.manifestDigest).not.toBe(image.manifestDigest)
    expect(made.image.manifest.annotations).toEqual(image.manifest.annotations)
    for (const [i, layer] of made.image.manifest.layers.entries()) {
      expect(layer.digest).toBe(image.config.rootfs.diff_ids[i])
      expect(layer.annotations).toEqual(image.manifest.layers[i]!.annotations)
    }
  })
})

/** Images that bring contexts of SELinux themselves, which no layer shows. */
const labelled = ['03-hardlinks-xattrs', '12-plain-selinux']

const others = [
  '01-single-layer',
  '02-whiteouts',
  '03-hardlinks-xattrs',
  '04-etc-var-filter',
  '05-compression',
  '08-derived-selinux',
  '09-derived-composefs',
  '10-ostree-v1-old-xattrs',
  '11-ostree-v0-xattrs',
  '12-plain-selinux',
  '14-symlink-targets',
]

describe.each(others.filter((name) => !labelled.includes(name)))('%s, stored', (name) => {
  test('is exported, imported elsewhere, and gives the same files there', async () => {
    const { repo, image } = await importedRepo(name)
    await using made = await exportImage(repo, image)
    const elsewhere = await memoryRepo()
    const imported = await importBuilt(ostreeImageStore(elsewhere), made)
    const { root_dirtree, root_dirmeta } = goldenCase(name).merge
    const { rootTree, rootMeta } = await elsewhere.readCommit(imported.id)
    expect({ rootTree, rootMeta }).toEqual({ rootTree: root_dirtree, rootMeta: root_dirmeta })
    expect(imported.config.history).toEqual(image.config.history)
  })
})

describe.each(others)('%s, stored', (name) => {
  test('comes out the same from what was imported again', async () => {
    const { repo, image } = await importedRepo(name)
    await using made = await exportImage(repo, image)
    const elsewhere = await memoryRepo()
    const imported = await importBuilt(ostreeImageStore(elsewhere), made)
    await using again = await exportImage(elsewhere, imported)
    expect(again.image.manifestDigest).toBe(made.image.manifestDigest)
    expect(again.image.manifestBytes).toEqual(made.image.manifestBytes)
  })
})

test.each(labelled)('%s loses the contexts that it brought itself, and nothing else', async (name) => {
  const { repo, image } = await importedRepo(name)
  await using made = await exportImage(repo, image)
  const elsewhere = await memoryRepo()
  const imported = await importBuilt(ostreeImageStore(elsewhere), made)
  const [before, after] = [await facts(repo, image.id), await facts(elsewhere, imported.id)]
  expect(after.plain).toEqual(before.plain)
  expect(before.labels.length - after.labels.length).toBe(1)
  expect(before.labels).toEqual(expect.arrayContaining(after.labels))
})

/** Owners, modes, targets and other attributes by path; and contexts. */
async function facts(repo: OstreeRepo, commit: string): Promise<{ plain: string[]; labels: string[] }> {
  const plain: string[] = []
  const labels: string[] = []
  for await (const { path, meta, sizeBytes } of lsTree(repo, commit, '/', { recursive: true })) {
    const { uid, gid, mode, xattrs } = meta
    const isLabel = ({ name }: Xattr): boolean => name === 'security.selinux'
    plain.push(JSON.stringify({ path, uid, gid, mode, sizeBytes, xattrs: xattrs.filter((x) => !isLabel(x)) }))
    for (const { value } of xattrs.filter(isLabel)) labels.push(`${path} ${Buffer.from(value).toString()}`)
  }
  return { plain, labels }
}

test('an image whose layer is gone cannot be exported', async () => {
  const { repo, store, image } = await importedRepo('02-whiteouts')
  await using transaction = await repo.begin()
  transaction.setRef(image.layers[1]!.ref, undefined)
  await transaction.commit()
  const found = (await store.get(image.manifestDigest))!
  const error: unknown = await exportImage(repo, found).catch((cause: unknown) => cause)
  expect(isBootcError(error, 'STORE_OSTREE_NO_REV')).toBe(true)
})

test('an export stops with the reason of its signal', async () => {
  const { repo, image } = await importedRepo('06-ostree-encapsulated')
  const controller = new AbortController()
  const reason = new Error('enough')
  const exporting = exportImage(repo, image, {
    signal: controller.signal,
    onProgress: () => controller.abort(reason),
  })
  await expect(exporting).rejects.toBe(reason)
})
