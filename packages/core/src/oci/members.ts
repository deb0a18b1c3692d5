import type { Digest } from '../interfaces/common.js'
import { isDigest } from './digest.js'
import type { JsonObject, JsonValue } from './strict-json.js'

/** Why a document is not what it should be: which member, and what is wrong. Wrapped by `parse…` functions. */
export class MemberError extends Error {}

/*
 * Typed access to members of parsed JSON. `null` counts as absent, as it does for Go. `where` is the path of
 * the object, for messages: `layers[3].`.
 */

export function asObject(value: JsonValue | undefined, where: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new MemberError(`${where || 'document'} is not an object`)
  }
  return value
}

export function objectMember(object: JsonObject, key: string, where: string): JsonObject | undefined {
  const value = object[key]
  return value === undefined || value === null ? undefined : asObject(value, where + key)
}

export function stringMember(object: JsonObject, key: string, where: string): string | undefined {
  const value = object[key]
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'string') throw new MemberError(`${where}${key} is not a string`)
  return value
}

export function booleanMember(object: JsonObject, key: string, where: string): boolean | undefined {
  const value = object[key]
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'boolean') throw new MemberError(`${where}${key} is not a boolean`)
  return value
}

export function arrayMember(object: JsonObject, key: string, where: string): JsonValue[] | undefined {
  const value = object[key]
  if (value === undefined || value === null) return undefined
  if (!Array.isArray(value)) throw new MemberError(`${where}${key} is not an array`)
  return value
}

export function stringsMember(object: JsonObject, key: string, where: string): string[] | undefined {
  return arrayMember(object, key, where)?.map((item) => {
    if (typeof item !== 'string') throw new MemberError(`${where}${key} holds something that is not a string`)
    return item
  })
}

/** A map of strings; Go reads `null` as the empty string. */
export function stringMapMember(
  object: JsonObject,
  key: string,
  where: string,
): [string, string][] | undefined {
  const map = objectMember(object, key, where)
  if (map === undefined) return undefined
  return Object.entries(map).map(([name, value]) => {
    if (value !== null && typeof value !== 'string')
      throw new MemberError(`${where}${key}.${name} is not a string`)
    return [name, value ?? '']
  })
}

export function sizeMember(object: JsonObject, key: string, where: string): number {
  const value = object[key]
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw new MemberError(`${where}${key} is not a size`)
  }
  return value
}

export function digestMember(object: JsonObject, key: string, where: string): Digest {
  const value = object[key]
  if (!isDigest(value)) throw new MemberError(`${where}${key} is not a sha256 or sha512 digest`)
  return value
}

export function required<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new MemberError(`${what} is missing`)
  return value
}

/** An object from entries, safe for a key called `__proto__`. */
export function objectOf<T>(entries: Iterable<readonly [string, T]>): Record<string, T> {
  return Object.fromEntries(entries) as Record<string, T>
}
