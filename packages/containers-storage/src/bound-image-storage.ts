import type { BoundImageStore, Dir, ImageStore } from '@bootc-sdk/core'
import { joinPath, parentPath } from '@bootc-sdk/core/names'
import { loadLabeler } from '@bootc-sdk/core/selinux'
import { followPath } from '@bootc-sdk/core/store-kit'
import { containersImageStore } from './write/image-store.js'
import type { LabelPath } from './write/layer-tree.js'
import { labelled } from './write/labelled.js'
import { assertCanHold, layOut } from './write/storage-layout.js'

/** Where `/usr/lib/bootc/storage` of an image leads; a link to the other one where the system's images are composefs. */
const bootcDir = 'ostree/bootc'
const composefsBootcDir = 'composefs/bootc'
/** Policies know the labels of podman's own place. */
const labelledAs = '/var/lib/containers/storage'
/** bootc's word that the labels of this storage are right. */
const labelStamp = '.bootc_labeled'

/**
 * The storage that bootc keeps for bound images: `ostree/bootc/storage` below the physical root, or
 * `composefs/bootc/storage` with a link to it. Containers use it as an additional image store, through
 * `/usr/lib/bootc/storage`.
 *
 * @see bootc 1.16.9 crates/lib/src/podstorage.rs, store/mod.rs
 */
export function boundImageStorage(): BoundImageStore {
  return Object.freeze<BoundImageStore>({
    name: 'containers-storage',
    async open({ root }) {
      const path = await findStorage(root)
      return path === undefined ? undefined : containersImageStore(root.sub(path))
    },
    async init({ root }, _lock, { labelsFrom } = {}): Promise<ImageStore> {
      assertCanHold(root)
      const labeler = labelsFrom === undefined ? undefined : await loadLabeler(labelsFrom)
      const label: LabelPath = (path, mode) => labeler?.label(joinPath(labelledAs, path), mode)
      const path = (await findStorage(root)) ?? (await makeStorage(root, label, labeler !== undefined))
      return containersImageStore(root.sub(path), { label })
    },
  })
}

async function findStorage(root: Dir): Promise<string | undefined> {
  for (const place of [bootcDir, composefsBootcDir]) {
    const path = await followPath(root, joinPath(place, 'storage'))
    if (path !== undefined && (await root.stat(path))?.type === 'directory') return path
  }
  return undefined
}

/** Under another name first, as bootc does: there is a whole storage or none. */
async function makeStorage(root: Dir, label: LabelPath, isLabelled: boolean): Promise<string> {
  const path = joinPath(await bootcRoot(root), 'storage')
  const temporary = `${path}.tmp`
  await root.remove(temporary)
  await root.mkdir(temporary, { mode: 0o700, ...labelled(label, '', 0o040000) })
  const dir = root.sub(temporary)
  await layOut(dir, label)
  if (isLabelled) {
    await dir.write(labelStamp, new Uint8Array(), { mode: 0o644, ...labelled(label, labelStamp, 0o100000) })
  }
  await root.sync()
  await root.rename(temporary, path)
  await root.sync()
  return path
}

/** The directory of bootc's own things, made with the link to it where it is missing. */
async function bootcRoot(root: Dir): Promise<string> {
  const found = await followPath(root, bootcDir)
  if (found !== undefined) return found
  const isComposefs =
    (await root.stat('ostree/repo')) === undefined && (await root.stat('composefs'))?.type === 'directory'
  const place = isComposefs ? composefsBootcDir : bootcDir
  await makeDirs(root, place)
  if (isComposefs) {
    await makeDirs(root, parentPath(bootcDir))
    await root.remove(bootcDir)
    await root.symlink(`../${composefsBootcDir}`, bootcDir)
  }
  return place
}

async function makeDirs(root: Dir, path: string): Promise<void> {
  if (path === '' || (await root.stat(path)) !== undefined) return
  await makeDirs(root, parentPath(path))
  await root.mkdir(path, { mode: 0o755 })
}
