import type { Bytes, OpOptions } from '@bootc-sdk/core'
import type { DeltaPull } from '../delta/pull-delta.js'
import type { FileHeader, MetadataType, OstreeRepo, RepoMode, VariantDict } from './api.js'
import { isBootcError } from '@bootc-sdk/core'
import { objectName } from '../format/checksum.js'

/** Where a pull takes objects from. Nothing it gives is trusted. */
export interface PullSource {
  /** For messages. */
  readonly name: string
  readonly mode: RepoMode
  /** @returns undefined when the source has no such object */
  metadata(type: MetadataType, checksum: string): Promise<Uint8Array | undefined>
  detached(commit: string): Promise<VariantDict | undefined>
  /** The file as it lies on the source's disk, for archives; a second try may be asked for. */
  rawFile?<T>(
    checksum: string,
    consume: (body: Bytes, sizeBytes: number | undefined) => Promise<T>,
  ): Promise<T | undefined>
  /** Header and content, where `rawFile` is not there. */
  file?(checksum: string): Promise<{ header: FileHeader; sizeBytes: number; content: Bytes }>
  /** Bring what a static delta to this commit holds into the repository, before objects are fetched one by one. */
  delta?(repo: OstreeRepo, commit: string, options: OpOptions): Promise<DeltaPull>
  /** Host path to hard-link from, when objects of this source may be taken as they are. */
  linkPath?(checksum: string): string
}

/**
 * Another repository that is open in this process.
 *
 * @param trusted take file objects by hard link without reading them
 */
export function localSource(repo: OstreeRepo, trusted: boolean): PullSource {
  const { hostPath } = repo.dir
  const linkable = trusted && hostPath !== undefined
  return {
    name: hostPath ?? 'local repository',
    mode: repo.mode,
    async metadata(type, checksum) {
      try {
        return await repo.readMetadata(type, checksum)
      } catch (error) {
        if (isBootcError(error, 'STORE_OSTREE_NO_OBJECT')) return undefined
        throw error
      }
    },
    detached: (commit) => repo.readDetached(commit),
    async file(checksum) {
      const { sizeBytes, ...header } = await repo.fileHeader(checksum)
      return { header, sizeBytes, content: repo.fileContent(checksum) }
    },
    ...(linkable
      ? { linkPath: (checksum: string) => `${hostPath}/objects/${objectName('file', checksum, repo.mode)}` }
      : {}),
  }
}
