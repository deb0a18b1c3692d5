import { BootcError } from '@bootc-sdk/core'

/** Variables of an environment block. Names and values are bytes, one character each (latin1). */
export interface Environment {
  /** Lines that start with `#` and end, after the first. */
  readonly comments: readonly string[]
  readonly variables: ReadonlyMap<string, string>
}

/** GRUB rewrites the file in place, block by block, so that its size never changes. */
export const environmentBytes = 1024
const signature = '# GRUB Environment Block\n'
const padding = '#'

export const emptyEnvironment: Environment = Object.freeze({ comments: [], variables: new Map() })

/**
 * Parse `grubenv`: the signature, then `name=value` lines, in whose values a backslash keeps the byte behind it, then
 * `#` up to the end. Of equal names the last one counts.
 *
 * @returns undefined for a damaged file, from which GRUB reads nothing either
 * @see GRUB 2.12 grub-core/lib/envblk.c
 */
export function parseEnvironment(data: Uint8Array): Environment | undefined {
  const text = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('latin1')
  if (!text.startsWith(signature) || data.length !== environmentBytes) return undefined
  const comments: string[] = []
  const variables = new Map<string, string>()
  for (let at = signature.length; at < text.length;) {
    if (text[at] === padding) {
      const end = text.indexOf('\n', at)
      if (end < 0) break
      comments.push(text.slice(at, end))
      at = end + 1
      continue
    }
    const { value: line, end } = readValue(text, at)
    if (end === undefined) break
    const equals = line.indexOf('=')
    if (equals > 0) variables.set(line.slice(0, equals), line.slice(equals + 1))
    at = end
  }
  return { comments, variables }
}

/** Up to the next newline without a backslash, and where the next line starts. */
function readValue(text: string, start: number): { value: string; end?: number } {
  let value = ''
  for (let at = start; at < text.length; at++) {
    const char = text[at]!
    if (char === '\n') return { value, end: at + 1 }
    value += char === '\\' ? (text[++at] ?? '') : char
  }
  return { value }
}

/**
 * Inverse of `parseEnvironment`.
 *
 * @throws BootcError `BOOT_ENVIRONMENT_FULL`
 */
export function printEnvironment({ comments, variables }: Environment): Buffer {
  const lines = [...variables].map(([name, value]) => `${name}=${value.replace(/[\\\n]/g, '\\$&')}\n`)
  const text = [signature, ...comments.map((comment) => `${comment}\n`), ...lines].join('')
  if (text.length > environmentBytes) {
    throw new BootcError('BOOT_ENVIRONMENT_FULL', `GRUB's environment has no room for ${text.length} bytes`, {
      details: { needBytes: text.length, totalBytes: environmentBytes },
    })
  }
  return Buffer.from(text.padEnd(environmentBytes, padding), 'latin1')
}

/** A copy in which some variables have other values; those that are undefined go. */
export function changeEnvironment(
  environment: Environment,
  changes: Readonly<Record<string, string | undefined>>,
): Environment {
  const variables = new Map(environment.variables)
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) variables.delete(name)
    else variables.set(name, value)
  }
  return { ...environment, variables }
}
