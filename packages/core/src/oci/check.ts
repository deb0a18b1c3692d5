import { BootcError } from '../errors.js'
import type { ErrorCode } from '../errors.js'
import {
  MemberError,
  digestMember,
  objectMember,
  required,
  sizeMember,
  stringMapMember,
  stringMember,
  stringsMember,
} from './members.js'
import { parseStrictJson } from './strict-json.js'
import type { JsonObject, JsonValue } from './strict-json.js'

/** Parse and check a document, turning what is wrong with it into one typed error. */
export function parseDocument<T>(
  bytes: Uint8Array,
  code: ErrorCode,
  what: string,
  maxBytes: number,
  check: (value: JsonValue) => T,
): T {
  if (bytes.length > maxBytes) {
    throw new BootcError('IMAGE_TOO_LARGE', `${what} has ${bytes.length} bytes, more than ${maxBytes}`, {
      details: { what, sizeBytes: bytes.length, maxBytes },
    })
  }
  try {
    return check(parseStrictJson(bytes))
  } catch (cause) {
    if (!(cause instanceof MemberError) && !(cause instanceof SyntaxError)) throw cause
    throw new BootcError(code, `${what}: ${cause.message}`, {
      details: { what, problem: cause.message },
      cause,
    })
  }
}

/** A descriptor whose members have the types that the interface promises. */
export function checkDescriptor(descriptor: JsonObject, where: string): void {
  required(stringMember(descriptor, 'mediaType', where), `${where}mediaType`)
  digestMember(descriptor, 'digest', where)
  sizeMember(descriptor, 'size', where)
  stringsMember(descriptor, 'urls', where)
  stringMapMember(descriptor, 'annotations', where)
  stringMember(descriptor, 'artifactType', where)
  stringMember(descriptor, 'data', where)
  const platform = objectMember(descriptor, 'platform', where)
  if (platform === undefined) return
  const inPlatform = `${where}platform.`
  stringMember(platform, 'architecture', inPlatform)
  stringMember(platform, 'os', inPlatform)
  stringMember(platform, 'variant', inPlatform)
  stringsMember(platform, 'os.features', inPlatform)
}
