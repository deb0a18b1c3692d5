import { mkdir } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pullImage } from '@bootc-sdk/core'
import { nodeDir } from '@bootc-sdk/core/node'
import {
  initRepo,
  openRepo,
  ostreeImageStore,
  type OstreeRepo,
  type RepoMode,
} from '@bootc-sdk/ostree-backend'
import { displaySignedReference } from '@bootc-sdk/core/oci'
import type { Cli } from '../io.js'
import { formatBytes } from '../format.js'
import { parseImgref } from '../imgref.js'
import { openRepository } from '../ostree/repository.js'
import { openTransports, type NetworkOptions } from './open-system.js'
import { printWarnings } from './print-change.js'
import { withProgress, type ProgressOptions } from './with-progress.js'

interface PullFlags extends NetworkOptions, ProgressOptions {
  readonly repo: string
  readonly init?: RepoMode
  readonly json?: boolean
}

/** `bootc-sdk image pull`. */
export async function imagePull(cli: Cli, options: PullFlags, text: string): Promise<void> {
  const reference = parseImgref(text)
  const transports = await openTransports(options)
  const store = ostreeImageStore(await openOrInit(options.repo, options.init))
  const result = await withProgress(cli, options, options.json !== true, (_progress, operation) =>
    pullImage({
      ...operation,
      transports,
      store,
      reference: reference.image,
      source: reference.signature,
    }),
  )
  await printWarnings(cli, result.warnings)
  const { image } = result
  if (options.json === true) {
    await cli.out.write(
      `${JSON.stringify({
        manifestDigest: image.manifestDigest,
        configDigest: image.configDigest,
        commit: image.id,
        changed: result.changed,
        layers: result.layers.map(({ digest, diffId, ref, id, cached }) => ({
          digest,
          diffId,
          ref,
          commit: id,
          cached,
        })),
      })}\n`,
    )
    return
  }
  const name = displaySignedReference(reference)
  if (!result.changed) {
    await cli.out.write(`No changes in ${name} => ${image.manifestDigest}\n`)
  } else {
    await cli.out.write(`Imported: ${name}\n  Digest: ${image.manifestDigest}\n`)
    await cli.out.write(`  Fetched: ${formatBytes(result.bytesFetched)}\n`)
  }
  await cli.out.write(`  Commit: ${image.id}\n`)
}

/** @param init mode of the repository to make when there is none yet */
async function openOrInit(path: string, init: RepoMode | undefined): Promise<OstreeRepo> {
  if (init === undefined) return openRepository({ repo: path })
  const absolute = resolve(path)
  await mkdir(absolute, { recursive: true })
  const dir = nodeDir(absolute)
  return (await dir.stat('config')) === undefined ? initRepo(dir, init) : openRepo(dir)
}
