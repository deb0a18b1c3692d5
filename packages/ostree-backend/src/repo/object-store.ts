import { BootcError } from '@bootc-sdk/core'
import { assertChecksum, maxMetadataBytes, objectName, sha256Hex } from '../format/checksum.js'
import { corrupt } from '../format/errors.js'
import type { MetadataType, ObjectType } from './api.js'
import type { RepoContext } from './context.js'
import { noObject } from './errors.js'
import { ioConcurrency, mapLimit } from '@bootc-sdk/core/store-kit'
import { readFile } from './io.js'

/** Metadata objects by name, every one hashed before anybody sees it. */
export class ObjectStore {
  readonly #context: RepoContext

  constructor(context: RepoContext) {
    this.#context = context
  }

  async has(type: ObjectType, checksum: string): Promise<boolean> {
    assertChecksum(checksum)
    const { dir, mode } = this.#context
    return (await dir.stat(`objects/${objectName(type, checksum, mode)}`)) !== undefined
  }

  /** @returns undefined when missing */
  async find(type: MetadataType, checksum: string): Promise<Buffer | undefined> {
    assertChecksum(checksum)
    const { dir, mode } = this.#context
    const name = objectName(type, checksum, mode)
    const bytes = await this.#guardType(name, () => readFile(dir, `objects/${name}`, maxMetadataBytes))
    if (bytes !== undefined) verify(bytes, checksum, name)
    return bytes
  }

  /** @throws BootcError `STORE_OSTREE_NO_OBJECT`, `STORE_OSTREE_CORRUPT` */
  async read(type: MetadataType, checksum: string): Promise<Buffer> {
    const bytes = await this.find(type, checksum)
    if (bytes === undefined) throw noObject(objectName(type, checksum, this.#context.mode))
    return bytes
  }

  /** Many in one native call where the addon is there. Missing ones are undefined. */
  async findMany(type: MetadataType, checksums: readonly string[]): Promise<(Buffer | undefined)[]> {
    const { native, mode } = this.#context
    if (native === undefined || checksums.length < 2) {
      return mapLimit(checksums, ioConcurrency, (checksum) => this.find(type, checksum))
    }
    for (const checksum of checksums) assertChecksum(checksum)
    const names = checksums.map((checksum) => objectName(type, checksum, mode))
    const files = await native.addon.readFiles(`${native.repoPath}/objects`, names, maxMetadataBytes)
    files.forEach((bytes, index) => {
      if (bytes !== undefined) verify(bytes, checksums[index]!, names[index]!)
    })
    return files
  }

  /** A file that was replaced by a directory or a link is damage, not an I/O error. */
  async #guardType<T>(name: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (error instanceof BootcError && error.code === 'STORE_OSTREE_CORRUPT') throw error
      const stat = await this.#context.dir.stat(`objects/${name}`)
      if (stat !== undefined && stat.type !== 'file') throw corrupt(name, `is a ${stat.type}`, error)
      throw error
    }
  }
}

function verify(bytes: Uint8Array, checksum: string, name: string): void {
  const actual = sha256Hex(bytes)
  if (actual !== checksum) throw corrupt(name, `its bytes hash to ${actual}`)
}
