import { generateKeyPairSync, sign as signWith, type KeyObject } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { nodeDir } from '@bootc-sdk/core/node'
import {
  addSignature,
  addSummarySignature,
  commitTree,
  initRepo,
  updateSummary,
  type OstreeRepo,
} from '@bootc-sdk/ostree-backend'
import * as openpgp from 'openpgp'

/** Names of keys; `gone` has expired, `taken` is revoked, `strange` is trusted by nobody. */
export type GpgName = 'good' | 'second' | 'gone' | 'taken' | 'strange'
export type EdName = 'ed1' | 'ed2'
export type SpkiName = 'spkiEc' | 'spkiEd' | 'spkiRsa' | 'spkiP384'

/** A signature of the commit or the summary: by a key, over other bytes, damaged. */
export type Signature =
  | GpgName
  | EdName
  | SpkiName
  | `${GpgName | EdName | SpkiName}:other`
  | `${GpgName | EdName | SpkiName}:damaged`
  | 'ed:short'
  | 'gpg:noise'
  | 'gpg:empty'

interface GpgKey {
  readonly secret: openpgp.PrivateKey
  /** As others see it now: a revoked one with its revocation. */
  readonly public: openpgp.PublicKey
  readonly signedAt?: Date
}

/** Keys, and what is signed with them; made anew for each run. */
export class World {
  readonly #gpg = new Map<GpgName, GpgKey>()
  readonly #pairs = new Map<string, { publicKey: KeyObject; privateKey: KeyObject }>()

  static async make(): Promise<World> {
    const world = new World()
    const old = new Date(Date.now() - 400 * 86_400_000)
    const make = async (name: string, more: object = {}) =>
      (
        await openpgp.generateKey({
          type: 'ecc',
          curve: 'ed25519Legacy',
          userIDs: [{ name, email: `${name}@example.com` }],
          format: 'object',
          date: old,
          ...more,
        })
      ).privateKey
    for (const name of ['good', 'second', 'strange'] as const) {
      const secret = await make(name)
      world.#gpg.set(name, { secret, public: secret.toPublic() })
    }
    const gone = await make('gone', { keyExpirationTime: 86_400 })
    const then = new Date(old.getTime() + 3_600_000)
    world.#gpg.set('gone', { secret: gone, public: gone.toPublic(), signedAt: then })
    const taken = await make('taken')
    const { publicKey } = await openpgp.revokeKey({
      key: taken,
      reasonForRevocation: { flag: openpgp.enums.reasonForRevocation.keyCompromised },
      format: 'object',
    })
    world.#gpg.set('taken', { secret: taken, public: publicKey })
    world.#pairs.set('ed1', generateKeyPairSync('ed25519'))
    world.#pairs.set('ed2', generateKeyPairSync('ed25519'))
    world.#pairs.set('spkiEd', generateKeyPairSync('ed25519'))
    world.#pairs.set('spkiEc', generateKeyPairSync('ec', { namedCurve: 'P-256' }))
    world.#pairs.set('spkiP384', generateKeyPairSync('ec', { namedCurve: 'P-384' }))
    world.#pairs.set('spkiRsa', generateKeyPairSync('rsa', { modulusLength: 2048 }))
    return world
  }

  /** Binary keyring. */
  keyring(...names: readonly GpgName[]): Buffer {
    return Buffer.concat(names.map((name) => this.#gpg.get(name)!.public.write()))
  }

  armored(name: GpgName): string {
    return this.#gpg.get(name)!.public.armor()
  }

  /** As configurations have it: base64 of the raw key, or of the DER. */
  publicText(name: EdName | SpkiName): string {
    const der = this.#pairs.get(name)!.publicKey.export({ type: 'spki', format: 'der' })
    return (name.startsWith('ed') ? der.subarray(-32) : der).toString('base64')
  }

  publicPem(name: SpkiName): string {
    return this.#pairs.get(name)!.publicKey.export({ type: 'spki', format: 'pem' }) as string
  }

  /** As `ostree sign` takes it. */
  secretText(name: EdName | SpkiName): string {
    const { privateKey, publicKey } = this.#pairs.get(name)!
    const der = privateKey.export({ type: 'pkcs8', format: 'der' })
    if (!name.startsWith('ed')) return der.toString('base64')
    const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32)
    return Buffer.concat([der.subarray(-32), raw]).toString('base64')
  }

  secretPem(name: SpkiName): string {
    return this.#pairs.get(name)!.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
  }

  async sign(
    signature: Signature,
    bytes: Uint8Array,
  ): Promise<{ kind: 'openpgp' | 'ed25519' | 'spki'; bytes: Buffer }> {
    if (signature === 'ed:short') return { kind: 'ed25519', bytes: Buffer.alloc(10, 1) }
    if (signature === 'gpg:noise') return { kind: 'openpgp', bytes: Buffer.alloc(100, 0x42) }
    if (signature === 'gpg:empty') return { kind: 'openpgp', bytes: Buffer.alloc(0) }
    const [name, how] = signature.split(':') as [string, string | undefined]
    const content = how === 'other' ? Buffer.from('something else') : bytes
    const made = await this.#signature(name, content)
    if (how === 'damaged') made.bytes[made.bytes.length - 5]! ^= 0xff
    return made
  }

  async #signature(name: string, content: Uint8Array) {
    const gpg = this.#gpg.get(name as GpgName)
    if (gpg !== undefined) {
      const message = await openpgp.createMessage({ binary: content })
      const bytes = await openpgp.sign({
        message,
        signingKeys: gpg.secret,
        detached: true,
        format: 'binary',
        ...(gpg.signedAt === undefined ? {} : { date: gpg.signedAt }),
      })
      return { kind: 'openpgp' as const, bytes: Buffer.from(bytes as Uint8Array) }
    }
    const { privateKey } = this.#pairs.get(name)!
    const digest = privateKey.asymmetricKeyType === 'ed25519' ? null : 'sha256'
    const kind = name.startsWith('ed') ? ('ed25519' as const) : ('spki' as const)
    return { kind, bytes: signWith(digest, content, privateKey) }
  }
}

/** An archive repository with one commit on `main`, and signatures. */
export async function signedRepo(
  dir: string,
  world: World,
  what: { readonly commit?: readonly Signature[]; readonly summary?: readonly Signature[] | 'none' },
): Promise<{ repo: OstreeRepo; commit: string }> {
  await mkdir(join(dir, 'tree'), { recursive: true })
  await writeFile(join(dir, 'tree/file'), 'content of the file\n')
  await mkdir(join(dir, 'served'))
  const repo = await initRepo(nodeDir(join(dir, 'served')), 'archive')
  const { commit } = await commitTree(repo, nodeDir(join(dir, 'tree')), {
    branch: 'main',
    timestamp: 1_700_000_000,
    canonicalPermissions: true,
  })
  const bytes = await repo.readMetadata('commit', commit)
  for (const each of what.commit ?? []) {
    const { kind, bytes: signature } = await world.sign(each, bytes)
    await addSignature(repo, commit, kind, signature)
  }
  if (what.summary === 'none') return { repo, commit }
  await updateSummary(repo)
  const summary = await readFile(join(dir, 'served/summary'))
  for (const each of what.summary ?? []) {
    const { kind, bytes: signature } = await world.sign(each, summary)
    await addSummarySignature(repo, kind, signature)
  }
  return { repo, commit }
}

/** Any static web server will do. */
export async function serveFiles(dir: string): Promise<{ url: string; close: () => void }> {
  const server = createServer((request, response) => {
    readFile(join(dir, decodeURIComponent(request.url!))).then(
      (bytes) => response.end(bytes),
      () => response.writeHead(404).end(),
    )
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, close: () => server.close() }
}
