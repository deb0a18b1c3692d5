import { resolve } from 'node:path'
import { maxSignatureBytes, parseStoredSignature } from '../../containers-conf/index.js'
import type { ImageSignature } from '../../containers-conf/index.js'
import { BootcError } from '../../errors.js'
import type { BlobSource, ImageTransport } from '../../interfaces/transport.js'
import { digestHex, maxDocumentBytes } from '../../oci/index.js'
import type { ImageReference } from '../../oci/reference.js'
import type { Descriptor } from '../../oci/types.js'
import { rawDocument } from '../raw-document.js'
import { resolveImage } from '../resolve-image.js'
import { signatureBudget, signatureInvalid } from '../signature-error.js'
import { layoutInvalid } from '../transport-errors.js'
import { directoryLocator, readDocument } from './file-locator.js'
import type { FileLocator } from './file-locator.js'
import { localLayer } from './layout-transport.js'

const VERSION = 'Directory Transport Version: 1.1\n'

/**
 * `dir:PATH`, the flat directory that skopeo writes: `version`, `manifest.json`, config and layers by hex
 * digest, instances of an index as `<hex>.manifest.json`.
 *
 * @see containers/image 5.34 directory/directory_dest.go
 */
export function dirTransport(): ImageTransport {
  return {
    name: 'dir',
    transports: ['dir'],
    supports: { range: true, localTree: false },
    async resolve(reference, options = {}) {
      const files = directoryLocator(pathOf(reference))
      await checkVersion(files)
      const read = (name: string): Promise<Uint8Array> => {
        options.signal?.throwIfAborted()
        return readDocument(files, name, maxDocumentBytes)
      }
      return resolveImage(
        {
          reference,
          top: { bytes: await read('manifest.json') },
          readManifest: async ({ digest }) => ({ bytes: await read(`${digestHex(digest)}.manifest.json`) }),
          readConfig: ({ digest }) => read(digestHex(digest)),
        },
        options,
      )
    },
    openLayer: ({ reference }, layer, options) => openBlob(reference, layer, options),
    async openRaw(reference) {
      const files = directoryLocator(pathOf(reference))
      await checkVersion(files)
      const read = async (name: string) => ({ bytes: await readDocument(files, name, maxDocumentBytes) })
      return {
        reference,
        top: rawDocument(await read('manifest.json')),
        document: async (descriptor) =>
          rawDocument(await read(`${digestHex(descriptor.digest)}.manifest.json`), descriptor),
        blob: (blob, options) => openBlob(reference, blob, options),
      }
    },
    signatures: ({ reference }, options) =>
      readSignatures(directoryLocator(pathOf(reference)), options?.signal),
  }
}

function openBlob(
  reference: ImageReference,
  blob: Descriptor,
  options: Parameters<ImageTransport['openLayer']>[2],
): BlobSource {
  const path = pathOf(reference)
  return localLayer(path, blob, () => directoryLocator(path).locate(digestHex(blob.digest)), options)
}

/** `signature-1`, `signature-2`, … until one is missing. */
async function readSignatures(
  files: FileLocator,
  signal: AbortSignal | undefined,
): Promise<ImageSignature[]> {
  const signatures: ImageSignature[] = []
  const count = signatureBudget(files.path)
  for (let i = 1; ; i++) {
    signal?.throwIfAborted()
    const name = `signature-${i}`
    if (files.locate(name) === undefined) return signatures
    const bytes = await readDocument(files, name, maxSignatureBytes)
    count(bytes)
    try {
      signatures.push(parseStoredSignature(bytes))
    } catch (cause) {
      throw signatureInvalid(`${files.path}/${name}`, (cause as Error).message, cause)
    }
  }
}

async function checkVersion(files: FileLocator): Promise<void> {
  const text = Buffer.from(await readDocument(files, 'version', 4096)).toString()
  if (text === VERSION) return
  throw layoutInvalid(files.path, `version ${JSON.stringify(text.trim().slice(0, 80))} is not 1.1`)
}

function pathOf(reference: ImageReference): string {
  if (reference.name !== '' && !reference.name.includes('\0')) return resolve(reference.name)
  throw new BootcError('IMAGE_REFERENCE_INVALID', 'dir: needs a path', {
    details: { reference: `dir:${reference.name}` },
  })
}
