import { BootcError } from '../errors.js'
import { checkDescriptor, parseDocument } from './check.js'
import { isDigest } from './digest.js'
import { goConfig } from './go-config.js'
import {
  MemberError,
  arrayMember,
  asObject,
  objectMember,
  required,
  stringMapMember,
  stringMember,
} from './members.js'
import { isLayerMediaType, mediaTypes } from './media-types.js'
import type { JsonObject } from './strict-json.js'
import type { ImageConfig, ImageIndex, ImageManifest } from './types.js'

/** Cap on manifests, indexes and configs, as containers/image has it. */
export const maxDocumentBytes = 4 << 20

/** Layers of one image. */
export const maxLayers = 1024

/**
 * Parse an image manifest, OCI or Docker schema 2. Unknown members are kept; the digest of the image is that
 * of `bytes`, never of anything printed from the result.
 *
 * @throws BootcError `IMAGE_MANIFEST_INVALID`, `IMAGE_MANIFEST_UNSUPPORTED` (schema 1), `IMAGE_TOO_LARGE`
 */
export function parseManifest(bytes: Uint8Array): ImageManifest {
  return parseDocument(bytes, 'IMAGE_MANIFEST_INVALID', 'image manifest', maxDocumentBytes, (value) => {
    const manifest = asObject(value, '')
    checkSchema(manifest)
    if (manifest['manifests'] !== undefined) throw new MemberError('document is an index')
    checkDescriptor(required(objectMember(manifest, 'config', ''), 'config'), 'config.')
    const layers = required(arrayMember(manifest, 'layers', ''), 'layers')
    if (layers.length > maxLayers) throw new MemberError(`more than ${maxLayers} layers`)
    layers.forEach((layer, i) => checkDescriptor(asObject(layer, `layers[${i}]`), `layers[${i}].`))
    const subject = objectMember(manifest, 'subject', '')
    if (subject !== undefined) checkDescriptor(subject, 'subject.')
    stringMember(manifest, 'artifactType', '')
    stringMapMember(manifest, 'annotations', '')
    return manifest as unknown as ImageManifest
  })
}

/**
 * Parse an OCI index or a Docker manifest list.
 *
 * @throws BootcError `IMAGE_MANIFEST_INVALID`, `IMAGE_TOO_LARGE`
 */
export function parseIndex(bytes: Uint8Array): ImageIndex {
  return parseDocument(bytes, 'IMAGE_MANIFEST_INVALID', 'image index', maxDocumentBytes, (value) => {
    const index = asObject(value, '')
    checkSchema(index)
    const manifests = required(arrayMember(index, 'manifests', ''), 'manifests')
    manifests.forEach((entry, i) => checkDescriptor(asObject(entry, `manifests[${i}]`), `manifests[${i}].`))
    const subject = objectMember(index, 'subject', '')
    if (subject !== undefined) checkDescriptor(subject, 'subject.')
    stringMember(index, 'artifactType', '')
    stringMapMember(index, 'annotations', '')
    return index as unknown as ImageIndex
  })
}

/**
 * Parse an image config. Unknown members are kept.
 *
 * @param manifest when given, the number of layers is compared too
 * @throws BootcError `IMAGE_NOT_AN_IMAGE` when it lacks what an image has or has it in other types,
 *   `IMAGE_DIFFID_MISMATCH` when it has not one diffId a layer, `IMAGE_TOO_LARGE`
 */
export function parseConfig(bytes: Uint8Array, manifest?: ImageManifest): ImageConfig {
  const config = parseDocument(bytes, 'IMAGE_NOT_AN_IMAGE', 'image config', maxDocumentBytes, (value) => {
    const object = asObject(value, '')
    goConfig(object)
    const rootfs = asObject(object['rootfs'], 'rootfs')
    if (rootfs['type'] !== 'layers') throw new MemberError('rootfs.type is not "layers"')
    if (!(rootfs['diff_ids'] as unknown[]).every(isDigest))
      throw new MemberError('rootfs.diff_ids are not digests')
    return object as unknown as ImageConfig
  })
  if (manifest !== undefined) checkLayerCount(manifest, config)
  return config
}

/**
 * Refuse artifacts that are no image, and layers that cannot be read.
 *
 * @throws BootcError `IMAGE_ENCRYPTED`, `IMAGE_NOT_AN_IMAGE`
 */
export function requireImageLayers(manifest: ImageManifest): void {
  manifest.layers.forEach(({ mediaType, digest }, index) => {
    if (isLayerMediaType(mediaType)) return
    const code = mediaType.includes('+encrypted') ? 'IMAGE_ENCRYPTED' : 'IMAGE_NOT_AN_IMAGE'
    throw new BootcError(code, `layer ${digest} has media type ${JSON.stringify(mediaType)}`, {
      details: { digest, index, mediaType },
    })
  })
}

function checkSchema(document: JsonObject): void {
  const type = stringMember(document, 'mediaType', '')
  const isSchema1 = type === mediaTypes.dockerManifestV1 || type === mediaTypes.dockerManifestV1Signed
  if (isSchema1 || document['schemaVersion'] === 1) {
    throw new BootcError('IMAGE_MANIFEST_UNSUPPORTED', 'image manifest is of Docker schema 1')
  }
  if (document['schemaVersion'] !== 2) throw new MemberError('schemaVersion is not 2')
}

function checkLayerCount(manifest: ImageManifest, config: ImageConfig): void {
  const layers = manifest.layers.length
  const diffIds = config.rootfs.diff_ids.length
  if (layers === diffIds) return
  throw new BootcError('IMAGE_DIFFID_MISMATCH', `image has ${layers} layers and ${diffIds} diffIds`, {
    details: { layers, diffIds },
  })
}
