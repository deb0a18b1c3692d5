import { BootcError } from '../errors.js'
import { parseDocument } from './check.js'
import { maxDocumentBytes } from './documents.js'
import { asObject, objectMember, stringMember } from './members.js'
import { mediaTypes } from './media-types.js'

const known: ReadonlySet<string> = new Set([
  mediaTypes.ociIndex,
  mediaTypes.ociManifest,
  mediaTypes.dockerManifest,
  mediaTypes.dockerManifestList,
  mediaTypes.dockerManifestV1,
  mediaTypes.dockerManifestV1Signed,
])

/**
 * What a manifest document is: by its header when that names a known type, else by its own `mediaType`, its
 * config's type, or the presence of `manifests`.
 *
 * @param contentType header of the response; parameters are ignored; undefined for local layouts
 * @throws BootcError `IMAGE_MEDIA_TYPE_MISMATCH` when header and body name different known types,
 *   `IMAGE_MANIFEST_UNSUPPORTED` for Docker schema 1, `IMAGE_MANIFEST_INVALID`
 */
export function detectMediaType(bytes: Uint8Array, contentType?: string): string {
  const header = contentType?.split(';', 1)[0]!.trim().toLowerCase()
  const body = bodyType(bytes)
  if (header === undefined || !known.has(header)) return refuseSchema1(body.declared ?? body.guessed)
  if (body.declared !== undefined && known.has(body.declared) && body.declared !== header) {
    throw new BootcError(
      'IMAGE_MEDIA_TYPE_MISMATCH',
      `manifest was served as ${header} but says it is ${body.declared}`,
      { details: { header, body: body.declared } },
    )
  }
  return refuseSchema1(header)
}

function bodyType(bytes: Uint8Array): { declared?: string; guessed: string } {
  return parseDocument(bytes, 'IMAGE_MANIFEST_INVALID', 'image manifest', maxDocumentBytes, (value) => {
    const document = asObject(value, '')
    const declared = stringMember(document, 'mediaType', '')
    const config = document['schemaVersion'] === 1 ? undefined : objectMember(document, 'config', '')
    const isDocker = config?.['mediaType'] === mediaTypes.dockerConfig
    const guessed =
      document['schemaVersion'] === 1
        ? mediaTypes.dockerManifestV1
        : config !== undefined
          ? isDocker
            ? mediaTypes.dockerManifest
            : mediaTypes.ociManifest
          : mediaTypes.ociIndex
    return declared === undefined ? { guessed } : { declared, guessed }
  })
}

function refuseSchema1(mediaType: string): string {
  if (mediaType === mediaTypes.dockerManifestV1 || mediaType === mediaTypes.dockerManifestV1Signed) {
    throw new BootcError('IMAGE_MANIFEST_UNSUPPORTED', 'image manifest is of Docker schema 1', {
      details: { mediaType },
    })
  }
  return mediaType
}
