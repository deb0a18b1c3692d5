import { isBootcError, type Dir } from '@bootc-sdk/core'
import { invalidTree } from '../format/errors.js'
import { digestBytes, objectPath, type ObjectId, type VerityAlgorithm } from '../format/types.js'
import { brokenRef } from './errors.js'
import { isAbsent } from './io.js'

/** The two directories of links, each with `refs/` below. */
export type LinkKind = 'streams' | 'images'

/** Is this the name of an object of a repository of that algorithm? */
export function isObjectId(text: string, algorithm: VerityAlgorithm): boolean {
  return text.length === 2 * digestBytes[algorithm] && /^[0-9a-f]*$/.test(text)
}

/** @throws BootcError `STORE_COMPOSEFS_INVALID` */
export function assertObjectId(id: ObjectId, algorithm: VerityAlgorithm): void {
  if (!isObjectId(id, algorithm)) throw invalidTree('object id', `not a ${algorithm} digest`)
}

/** Name of an entry of streams/ or images/. @throws BootcError `STORE_COMPOSEFS_INVALID` */
export function assertEntryName(name: string): void {
  if (name === 'refs' || name.includes('/'))
    throw invalidTree('stream name', `${JSON.stringify(name)} is not one`)
  assertRefName(name)
}

/** Name below refs/, components separated by slashes. @throws BootcError `STORE_COMPOSEFS_INVALID` */
export function assertRefName(name: string): void {
  for (const part of name.split('/')) {
    if (
      part === '' ||
      part === '.' ||
      part === '..' ||
      part.includes('\0') ||
      Buffer.byteLength(part) > 255
    ) {
      throw invalidTree('reference name', `${JSON.stringify(name.slice(0, 300))} cannot be a path`)
    }
  }
}

/** What the link of an object says, seen from streams/ or images/. */
export function objectTarget(id: ObjectId): string {
  return `../objects/${objectPath(id)}`
}

/** What `KIND/refs/NAME` says to lead to `KIND/TARGET`. */
export function refTarget(name: string, target: string): string {
  return '../'.repeat(name.split('/').length) + target
}

/** The object of such a link; undefined for any other. */
export function parseObjectTarget(text: string, algorithm: VerityAlgorithm): ObjectId | undefined {
  const match = /^\.\.\/objects\/([0-9a-f]{2})\/([0-9a-f]+)$/.exec(text)
  const id = match === null ? '' : match[1]! + match[2]!
  return isObjectId(id, algorithm) ? id : undefined
}

/**
 * Read a link to an object without following it. Undefined when absent.
 *
 * @throws BootcError `STORE_COMPOSEFS_BROKEN_REF` for whatever does not lead to an object of this repository
 */
export async function readObjectLink(
  dir: Dir,
  path: string,
  algorithm: VerityAlgorithm,
): Promise<ObjectId | undefined> {
  const text = await readLink(dir, path)
  if (text === undefined) return undefined
  const id = parseObjectTarget(text, algorithm)
  if (id === undefined) throw brokenRef(path, 'does not lead to an object of this repository')
  return id
}

/** Entry that a link below refs/ stands for: its last component, as in composefs-rs. Undefined when absent. */
export async function readRefLink(dir: Dir, path: string): Promise<string | undefined> {
  const text = await readLink(dir, path)
  if (text === undefined) return undefined
  const name = text.slice(text.lastIndexOf('/') + 1)
  try {
    assertEntryName(name)
  } catch {
    throw brokenRef(path, 'does not lead to an entry of this repository')
  }
  return name
}

async function readLink(dir: Dir, path: string): Promise<string | undefined> {
  try {
    return await dir.readlink(path)
  } catch (error) {
    if (isAbsent(error)) return undefined
    if (isBootcError(error, 'TREE_NOT_SYMLINK')) throw brokenRef(path, 'is not a symbolic link')
    if (isBootcError(error, 'TREE_ESCAPE')) throw brokenRef(path, 'goes through a symbolic link')
    throw error
  }
}
