import { createReadStream } from 'node:fs'
import { resolve } from 'node:path'
import { createGunzip } from 'node:zlib'
import {
  commitTrees,
  type CommitOptions,
  type CommitSource,
  type VariantDict,
} from '@bootc-sdk/ostree-backend'
import { nodeDir } from '@bootc-sdk/core/node'
import { UsageError, type Cli } from '../io.js'
import { openRepository, type RepoOptions } from './repository.js'

interface CommitFlags extends RepoOptions {
  readonly branch?: string
  readonly orphan?: boolean
  readonly subject?: string
  readonly body?: string
  readonly parent?: string
  readonly tree?: readonly string[]
  readonly ownerUid?: number
  readonly ownerGid?: number
  /** False with --no-xattrs. */
  readonly xattrs: boolean
  readonly canonicalPermissions?: boolean
  readonly timestamp?: string
  readonly addMetadataString?: readonly string[]
}

/** `bootc-sdk ostree commit`: prints the checksum. */
export async function commit(cli: Cli, options: CommitFlags, path: string | undefined): Promise<void> {
  if ((options.branch === undefined) === (options.orphan !== true)) {
    throw new UsageError('choose --branch or --orphan')
  }
  const trees = options.tree ?? []
  if (path !== undefined && trees.length > 0) throw new UsageError('choose a directory or --tree')
  const timestamp = parseTime(options.timestamp, cli.env)
  const metadata = (options.addMetadataString ?? []).map(parseMetadata)
  const repo = await openRepository(options)
  const sources = await Promise.all(
    trees.length === 0 ? [directory(path ?? '.')] : trees.map((text) => sourceOf(text)),
  )
  const settings: CommitOptions = {
    signal: cli.signal,
    metadata,
    subject: options.subject ?? '',
    body: options.body ?? '',
    noXattrs: !options.xattrs,
    canonicalPermissions: options.canonicalPermissions === true,
    ...(options.branch === undefined ? {} : { branch: options.branch }),
    ...(options.parent === undefined ? {} : { parent: options.parent === 'none' ? null : options.parent }),
    ...(options.ownerUid === undefined ? {} : { ownerUid: options.ownerUid }),
    ...(options.ownerGid === undefined ? {} : { ownerGid: options.ownerGid }),
    ...(timestamp === undefined ? {} : { timestamp }),
  }
  const { commit: checksum } = await commitTrees(repo, sources, settings)
  await cli.out.write(`${checksum}\n`)
}

async function sourceOf(text: string): Promise<CommitSource> {
  const equals = text.indexOf('=')
  const source = text.slice(equals + 1)
  switch (text.slice(0, Math.max(equals, 0))) {
    case 'dir':
      return directory(source)
    case 'ref':
      return { rev: source }
    case 'tar':
      return { tar: tarBytes(source) }
    default:
      throw new UsageError(`--tree ${text}: expected dir=, tar= or ref=`)
  }
}

async function directory(path: string): Promise<CommitSource> {
  return { tree: nodeDir(resolve(path)) }
}

/** A plain or gzip-compressed archive, told apart by its first bytes. */
async function* tarBytes(path: string): AsyncGenerator<Uint8Array> {
  let gzip = false
  for await (const chunk of createReadStream(path, { end: 1 })) {
    const head = chunk as Buffer
    gzip = head[0] === 0x1f && head[1] === 0x8b
  }
  const file = createReadStream(path, { highWaterMark: 1024 * 1024 })
  yield* (gzip ? file.pipe(createGunzip()) : file) as AsyncIterable<Uint8Array>
}

function parseMetadata(text: string): VariantDict[number] {
  const equals = text.indexOf('=')
  if (equals <= 0) throw new UsageError(`--add-metadata-string ${text}: expected KEY=VALUE`)
  return [text.slice(0, equals), { type: 's', value: text.slice(equals + 1) }]
}

/** `@SECONDS` or RFC 3339; without the option SOURCE_DATE_EPOCH, else now. */
function parseTime(text: string | undefined, env: Cli['env']): number | undefined {
  const wanted = text ?? (env['SOURCE_DATE_EPOCH'] === undefined ? undefined : `@${env['SOURCE_DATE_EPOCH']}`)
  if (wanted === undefined) return undefined
  const seconds = wanted.startsWith('@') ? Number(wanted.slice(1)) : Math.floor(Date.parse(wanted) / 1000)
  if (!Number.isSafeInteger(seconds) || seconds < 0) throw new UsageError(`${wanted} is no time`)
  return seconds
}
