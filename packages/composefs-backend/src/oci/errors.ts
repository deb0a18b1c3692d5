import { BootcError, type Digest } from '@bootc-sdk/core'

export function importState(
  message: string,
  details: { readonly index?: number; readonly missing?: number; readonly closed: boolean },
): BootcError {
  return new BootcError('IMAGE_IMPORT_STATE', message, { details })
}

export function notAnImage(digest: Digest, mediaType: string): BootcError {
  return new BootcError(
    'IMAGE_NOT_AN_IMAGE',
    `${digest} has a config of type ${JSON.stringify(mediaType)}: it is an artifact and no image`,
    { details: { digest, mediaType } },
  )
}

export function layersDiffer(layers: number, diffIds: number): BootcError {
  return new BootcError('IMAGE_DIFFID_MISMATCH', `image has ${layers} layers and ${diffIds} diffIds`, {
    details: { layers, diffIds },
  })
}

export function notStored(digest: Digest): BootcError {
  return new BootcError('IMAGE_NOT_STORED', `image ${digest} is not in the store`, {
    details: { manifestDigest: digest },
  })
}
