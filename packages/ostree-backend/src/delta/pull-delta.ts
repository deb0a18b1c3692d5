import { isBootcError, type OpOptions } from '@bootc-sdk/core'
import { maxMetadataBytes, sha256Hex } from '../format/checksum.js'
import { corrupt } from '../format/errors.js'
import type { Summary } from '../format/summary.js'
import { decodeDict, lookup } from '../format/variant-dict.js'
import type { OstreeRepo, VariantDict } from '../repo/api.js'
import type { RemoteVerifier } from '../trust/remote-verifier.js'
import { applyDelta, inlinePart, openSuperblock, type ApplyDeltaResult } from './apply.js'
import { deltaDir, deltaIndexPath, parseDeltaName, printDeltaName, type DeltaName } from './names.js'

/** What a server may have us hold in memory. Objects of larger parts are fetched one by one. */
const maxPartBytes = 512 * 1024 * 1024

/** What a server has for deltas. */
export interface DeltaServer {
  readonly name: string
  /** A file below the repository; undefined when there is none. */
  get(path: string, maxBytes: number): Promise<Buffer | undefined>
  readonly summary?: Summary | undefined
  /** Demands a good signature of every delta. */
  readonly verify?: RemoteVerifier['delta'] | undefined
}

/** Why deltas were not used, or what came by one. */
export interface DeltaPull {
  readonly applied?: ApplyDeltaResult
  /** Set when there was one that could not be used; the pull goes on without. */
  readonly problem?: string
}

/**
 * Bring what a delta holds here before the objects are fetched one by one: from a commit that is here, newest first,
 * or from nothing when there is no commit at all. Anything wrong with it only costs time.
 */
export async function pullDelta(
  repo: OstreeRepo,
  server: DeltaServer,
  to: string,
  options: OpOptions = {},
): Promise<DeltaPull> {
  try {
    const offers = await offersFor(server, to)
    for (const { delta, digest } of await usable(repo, offers)) {
      const what = `delta ${printDeltaName(delta)} from ${server.name}`
      const dir = deltaDir(delta)
      const bytes = await server.get(`${dir}/superblock`, maxMetadataBytes)
      if (bytes === undefined) continue
      if (sha256Hex(bytes) !== digest) throw corrupt(what, 'has another checksum than its list says')
      const opened = openSuperblock(bytes, what, delta)
      // Whoever opened the server has decided whether there is a check.
      const verify = async () => server.verify?.(what, opened.signedBytes, opened.signatures)
      const part = async (index: number) => {
        const maxBytes = Math.min(opened.superblock.parts[index]!.sizeBytes, maxPartBytes)
        return (await server.get(`${dir}/${index}`, maxBytes)) ?? inlinePart(opened, index)
      }
      return { applied: await applyDelta(repo, { ...opened, part }, { ...options, verify, maxPartBytes }) }
    }
    return {}
  } catch (error) {
    options.signal?.throwIfAborted()
    if (isBootcError(error) && error.code !== 'STORE_NO_SPACE') return { problem: error.message }
    throw error
  }
}

interface Offer {
  readonly delta: DeltaName
  /** Of its superblock, in hex. */
  readonly digest: string
}

/** From the index of the commit, else from the summary: only these say what a superblock must hash to. */
async function offersFor({ get, summary, name }: DeltaServer, to: string): Promise<Offer[]> {
  const indexed = lookup(summary?.metadata ?? [], 'ostree.summary.indexed-deltas', 'b') === true
  const path = deltaIndexPath(to)
  const index = indexed ? await get(path, maxMetadataBytes) : undefined
  const dict: VariantDict =
    index === undefined ? (summary?.metadata ?? []) : decodeDict(index, `${path} from ${name}`)
  return (lookup(dict, 'ostree.static-deltas', 'a{sv}') ?? []).flatMap(([text, value]) => {
    if (!text.endsWith(to) || value.type !== 'ay') return []
    return [{ delta: parseDeltaName(text), digest: (value.value as Buffer).toString('hex') }]
  })
}

async function usable(repo: OstreeRepo, offers: readonly Offer[]): Promise<Offer[]> {
  const found: { offer: Offer; timestamp: number }[] = []
  for (const offer of offers) {
    const { from } = offer.delta
    if (from === undefined || !(await repo.has('commit', from)) || (await repo.isPartial(from))) continue
    found.push({ offer, timestamp: (await repo.readCommit(from)).timestamp })
  }
  if (found.length > 0) return found.sort((a, b) => b.timestamp - a.timestamp).map(({ offer }) => offer)
  // Where any commit is, fetching single objects moves less than everything.
  const isEmpty = (await repo.listRefs()).size === 0
  return isEmpty ? offers.filter(({ delta }) => delta.from === undefined) : []
}
