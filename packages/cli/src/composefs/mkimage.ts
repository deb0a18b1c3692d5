import { createWriteStream } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { resolve } from 'node:path'
import {
  parseDumpStream,
  planErofs,
  VerityHasher,
  type ErofsVersion,
  type Flavor,
  type FileTree,
  type VerityAlgorithm,
} from '@bootc-sdk/composefs-backend/format'
import { UsageError, type Cli } from '../io.js'

interface MkimageFlags {
  readonly fromFile?: boolean
  readonly erofsVersion?: ErofsVersion
  readonly algorithm: VerityAlgorithm
  readonly printDigest?: boolean
  readonly printDigestOnly?: boolean
  readonly digestStore?: string
}

/**
 * `bootc-sdk composefs mkimage`: the bytes that mkcomposefs writes for the same input; for what it cannot make,
 * format 2 and SHA-512, those of composefs-rs.
 */
export async function mkimage(
  cli: Cli,
  options: MkimageFlags,
  source: string,
  image?: string,
): Promise<void> {
  if (image === undefined && options.printDigestOnly !== true)
    throw new UsageError('an IMAGE to write is needed')
  const { erofsVersion: version, algorithm } = options
  const flavor = version === 2 || algorithm === 'sha512' ? 'rs' : 'c'
  const tree =
    options.fromFile === true
      ? await fromDump(cli, source, flavor)
      : await fromDirectory(cli, options, source)
  const plan = planErofs(tree, { version: version ?? { min: 0, max: 1 }, algorithm, flavor })
  const hasher =
    options.printDigest === true || options.printDigestOnly === true ? new VerityHasher(algorithm) : undefined
  function* chunks(): Iterable<Uint8Array> {
    for (const chunk of plan.chunks()) {
      hasher?.update(chunk)
      yield chunk
    }
  }
  if (options.printDigestOnly === true) for (const _ of chunks());
  else if (image === '-') for (const chunk of chunks()) await cli.out.write(chunk)
  else await writeFile(image!, chunks())
  if (hasher !== undefined) await (image === '-' ? cli.err : cli.out).write(`${hasher.digest()}\n`)
}

async function fromDump(cli: Cli, source: string, flavor: Flavor): Promise<FileTree> {
  if (source === '-') return parseDumpStream(bytesOf(cli.stdin), { flavor })
  const file = await open(source)
  try {
    return await parseDumpStream(file.createReadStream({ highWaterMark: 1 << 20 }), { flavor })
  } finally {
    await file.close()
  }
}

async function* bytesOf(stdin: Cli['stdin']): AsyncIterable<Uint8Array> {
  for await (const chunk of stdin) yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk
}

async function fromDirectory(cli: Cli, options: MkimageFlags, source: string): Promise<FileTree> {
  const { treeForImage } = await import('./local-tree.js')
  return treeForImage(resolve(source), options.algorithm, options.digestStore, cli.signal)
}

/** Whole or not at all: under another name first. */
async function writeFile(path: string, chunks: Iterable<Uint8Array>): Promise<void> {
  const temporary = `${path}.tmp-${process.pid}`
  try {
    await pipeline(chunks, createWriteStream(temporary, { flags: 'wx', highWaterMark: 1 << 20 }))
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}
