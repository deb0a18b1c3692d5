import type { JsonObject, JsonValue } from '../oci/strict-json.js'

/** What is wrong with a policy or a signed payload; the caller says with which. */
export class PolicyProblem extends Error {}

export function asObject(value: JsonValue | undefined, what: string): JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  throw new PolicyProblem(`${what} is not an object`)
}

/** Keys that are not expected make the document invalid: they may be restrictions that we do not know. */
export function onlyKeys(object: JsonObject, known: readonly string[], what: string): void {
  for (const key of Object.keys(object)) {
    if (!known.includes(key)) throw new PolicyProblem(`${what} has an unknown key ${JSON.stringify(key)}`)
  }
}

/** All of them, and nothing else. */
export function exactKeys(object: JsonObject, keys: readonly string[], what: string): void {
  onlyKeys(object, keys, what)
  for (const key of keys) {
    if (!Object.hasOwn(object, key)) throw new PolicyProblem(`${what} has no ${JSON.stringify(key)}`)
  }
}

/** Undefined when absent. A string that is there must say something. */
export function textMember(object: JsonObject, key: string, what: string): string | undefined {
  if (!Object.hasOwn(object, key)) return undefined
  const value = object[key]
  if (typeof value === 'string' && value !== '') return value
  throw new PolicyProblem(`${key} of ${what} is not a string that says something`)
}

export function requiredText(object: JsonObject, key: string, what: string): string {
  const value = textMember(object, key, what)
  if (value === undefined) throw new PolicyProblem(`${what} has no ${JSON.stringify(key)}`)
  return value
}

export function textsMember(object: JsonObject, key: string, what: string): string[] | undefined {
  if (!Object.hasOwn(object, key)) return undefined
  const value = object[key]
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value
  throw new PolicyProblem(`${key} of ${what} is not a list of strings`)
}

/** Standard base64 with padding; line breaks do not count. */
export function decodeBase64(text: string, what: string): Uint8Array {
  const plain = text.replace(/[\r\n]/g, '')
  const isValid = plain.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(plain)
  if (!isValid) throw new PolicyProblem(`${what} is not base64`)
  return Buffer.from(plain, 'base64')
}
