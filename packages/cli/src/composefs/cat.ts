import { resolve } from 'node:path'
import { erofsReadTree, fromBytes, objectPath, type ExternalFile } from '@bootc-sdk/composefs-backend/format'
import type { Bytes } from '@bootc-sdk/core'
import { normalizePath } from '@bootc-sdk/core/names'
import { nodeDir } from '@bootc-sdk/core/node'
import { UsageError, type Cli } from '../io.js'
import { loadImage, type ImageOptions } from './image-file.js'

interface CatFlags extends ImageOptions {
  readonly basedir?: string
}

type Range = { readonly start: number; readonly end?: number } | undefined

/** `bootc-sdk composefs cat`. Objects of a repository are checked against their digest while they are read. */
export async function cat(
  cli: Cli,
  options: CatFlags,
  name: string,
  paths: readonly string[],
): Promise<void> {
  const image = await loadImage(options, name)
  if (options.repo === undefined) return print(cli, image, paths, fromDirectory(options.basedir))
  const { openRepository } = await import('./repository.js')
  const { checkedObject } = await import('@bootc-sdk/composefs-backend')
  await using repo = await openRepository(options.repo)
  await print(cli, image, paths, (file, range) => checkedObject(repo, file.digest, range))
}

/** The directory is a root: what an image says cannot lead out of it. */
function fromDirectory(basedir: string | undefined): (file: ExternalFile, range: Range) => Bytes {
  return (file, range) => {
    if (basedir === undefined) {
      throw new UsageError('its content is an object: --repo or --basedir is needed')
    }
    const path = file.payload === '' ? objectPath(file.digest) : fromBytes(file.payload)
    return nodeDir(resolve(basedir)).read(normalizePath(path.replace(/^\/+/, '')), range)
  }
}

async function print(
  cli: Cli,
  image: Awaited<ReturnType<typeof loadImage>>,
  paths: readonly string[],
  open: (file: ExternalFile, range: Range) => Bytes,
): Promise<void> {
  const tree = erofsReadTree(image, open)
  for (const path of paths) {
    for await (const chunk of tree.read(normalizePath(path.replace(/^\/+/, '')))) {
      cli.signal.throwIfAborted()
      if (cli.out.closed) return
      await cli.out.write(chunk)
    }
  }
}
