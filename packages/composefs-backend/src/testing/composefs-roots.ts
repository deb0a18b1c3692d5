import type { Bytes, Dir, ReadTree } from '@bootc-sdk/core'
import {
  BootFailure,
  followPath,
  readFollowing,
  type FoundRoot,
  type RootFollower,
} from '@bootc-sdk/core/testing'
import { readErofs } from '../format/erofs/read.js'
import { erofsReadTree } from '../tree/erofs-read-tree.js'

/**
 * What an initramfs does with `composefs=` and `composefs.digest=`: the image by its name in the repository, its
 * objects, /etc and /var of the state directory. Reads files itself and shares only the reader of images with
 * what wrote them. fs-verity is not looked at.
 */
export const composefsRoots: RootFollower = {
  async follow(root, words) {
    const id = words.map(digestOf).find((digest) => digest !== undefined)
    return id === undefined ? undefined : findRoot(root, id)
  },
}

function digestOf(word: string): string | undefined {
  return /^composefs(?:\.digest)?=\??(?:v[12]-sha(?:256|512)-12:)?([0-9a-f]+)$/.exec(word)?.[1]
}

async function findRoot(root: Dir, id: string): Promise<FoundRoot> {
  const image = await readFollowing(root, `composefs/images/${id}`)
  if (image === undefined || image.length === 0) throw new BootFailure(`image ${id} is not in the repository`)
  const tree = opened(root, image)
  const state = `state/deploy/${id}`
  // bootc knows a deployment by it.
  const origin = (await readFollowing(root, `${state}/${id}.origin`))?.toString('utf8') ?? ''
  for (const line of [
    /^container-image-reference *= *\S/m,
    /^boot_type *= *(?:bls|uki)$/m,
    /^manifest_digest *= *sha256:/m,
  ]) {
    if (!line.test(origin)) throw new BootFailure(`origin of ${id} lacks ${String(line)}`)
  }
  const varDir = await followPath(root, `${state}/var`)
  if (varDir === undefined) throw new BootFailure(`${state}/var leads nowhere`)
  return {
    deployment: state,
    tree,
    etc: `${state}/etc`,
    varDir,
    marks: { mountinfo: `1 0 0:1 / / ro,relatime - overlay composefs:${id} ro,lowerdir=x\n` },
  }
}

function opened(root: Dir, bytes: Uint8Array): ReadTree {
  try {
    return erofsReadTree(readErofs(bytes), ({ digest }, range) => readObject(root, digest, range))
  } catch (error) {
    throw new BootFailure(`image cannot be mounted: ${String(error)}`, { cause: error })
  }
}

async function* readObject(root: Dir, digest: string, range?: { start: number; end?: number }): Bytes {
  const path = `composefs/objects/${digest.slice(0, 2)}/${digest.slice(2)}`
  if ((await root.stat(path)) === undefined) throw new BootFailure(`object ${digest} is missing`)
  yield* root.read(path, range)
}
