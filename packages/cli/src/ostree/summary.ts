import { BootcError } from '@bootc-sdk/core'
import {
  readSummary,
  signSummary,
  updateSummary,
  type SignType,
  type Variant,
} from '@bootc-sdk/ostree-backend'
import { UsageError, type Cli } from '../io.js'
import { formatBytes, printable } from '../format.js'
import { openRepository, type RepoOptions } from './repository.js'
import { signingOf } from './trust.js'
import { variantText } from './variant-text.js'

interface SummaryFlags extends RepoOptions {
  readonly update?: boolean
  readonly view?: boolean
  readonly verbose?: boolean
  /** Secret keys. */
  readonly sign?: readonly string[]
  readonly signType: SignType
}

/** `bootc-sdk ostree summary -u|-v`. */
export async function summary(cli: Cli, options: SummaryFlags): Promise<void> {
  // ostree's short form of --view is -v, which is --verbose everywhere else here.
  const view = options.view === true || (options.verbose === true && options.update !== true)
  if ((options.update === true) === view) throw new UsageError('choose --update or --view')
  const repo = await openRepository(options)
  if (options.update === true) {
    // A key that is none is told before anything is written.
    const signing = options.sign === undefined ? undefined : await signingOf(options, options.sign)
    await updateSummary(repo)
    if (signing !== undefined) await signSummary(repo, signing)
    return
  }
  const found = await readSummary(repo)
  if (found === undefined) {
    throw new BootcError('STORE_NO_SUMMARY', 'the repository has no summary file', {
      details: { repo: options.repo },
    })
  }
  for (const { ref, commit, commitBytes, metadata } of found.refs) {
    await cli.out.write(
      `* ${printable(ref)}\n    Latest Commit (${formatBytes(commitBytes)}):\n      ${commit}\n`,
    )
    for (const [key, value] of metadata) await cli.out.write(`    ${keyLine(key, value)}\n`)
    await cli.out.write('\n')
  }
  for (const [key, value] of found.metadata) await cli.out.write(`${keyLine(key, value)}\n`)
}

const labels: Readonly<Record<string, string>> = {
  'ostree.commit.timestamp': 'Timestamp',
  'ostree.commit.version': 'Version',
  'ostree.summary.mode': 'Repository Mode',
  'ostree.summary.last-modified': 'Last-Modified',
  'ostree.summary.tombstone-commits': 'Has Tombstone Commits',
  'ostree.summary.collection-id': 'Collection ID',
}

function keyLine(key: string, value: Variant): string {
  const label = labels[key]
  return label === undefined
    ? `${printable(key)}: ${textOf(key, value)}`
    : `${label} (${key}): ${textOf(key, value)}`
}

function textOf(key: string, value: Variant): string {
  if (value.type === 's') return printable(value.value as string)
  if (value.type === 'b' && labels[key] !== undefined) return value.value === true ? 'Yes' : 'No'
  if (value.type === 't' && (key.endsWith('timestamp') || key.endsWith('last-modified')))
    return time(value.value as bigint)
  return variantText(value)
}

/** These numbers are big-endian inside a little-endian format. */
function time(value: bigint): string {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(value)
  return `${new Date(Number(bytes.readBigUInt64BE()) * 1000).toISOString().slice(0, 19)}+00`
}
