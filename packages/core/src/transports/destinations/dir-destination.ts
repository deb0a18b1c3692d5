import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { ImageDestination } from '../../interfaces/destination.js'
import { digestHex } from '../../oci/index.js'
import { checkedStream } from './checked-stream.js'
import { isFileOf, placeFile } from './place-file.js'

/** `dir:PATH`: the flat directory that skopeo reads and writes; holds one image. @see containers/image 5.34 directory */
export function dirDestination(): ImageDestination {
  return {
    name: 'dir',
    transports: ['dir'],
    hasBlob: (target, { digest, size }) => isFileOf(join(resolve(target.name), digestHex(digest)), size),
    async putBlob(target, blob, bytes, options = {}) {
      const path = join(resolve(target.name), digestHex(blob.digest))
      await placeFile(path, checkedStream(bytes, blob), options.release)
    },
    async putManifest(target, { bytes, digest }, options = {}) {
      const path = resolve(target.name)
      await mkdir(path, { recursive: true })
      await placeFile(join(path, 'version'), Buffer.from('Directory Transport Version: 1.1\n'))
      const name = options.byDigest === true ? `${digestHex(digest)}.manifest.json` : 'manifest.json'
      await placeFile(join(path, name), bytes)
    },
  }
}
