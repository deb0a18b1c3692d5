import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { memoryDir } from '@bootc-sdk/core/testing'
import { describe, expect, test } from 'vitest'
import { openSuperblock } from '../../src/delta/apply.js'
import { unwrapSigned, wrapSigned } from '../../src/delta/superblock.js'
import { signaturesIn, type SignType } from '../../src/format/signatures.js'
import { decodeDict, encodeDict } from '../../src/format/variant-dict.js'
import {
  initRepo,
  loadSystemKeys,
  publicKeyOfText,
  publicKeysOfFile,
  secretKeyOfText,
  signCommit,
  verifyCommit,
  verifySignatures,
  deleteSignatures,
  type KeySet,
  type OstreeRepo,
} from '../../src/index.js'
import { checkSignatures } from '../../src/trust/check-signatures.js'

const golden = join(import.meta.dirname, '../golden/signed/ed25519-spki')
const bytesOf = (name: string) => readFileSync(join(golden, name))
const textOf = (name: string) => bytesOf(name).toString('utf8').trim()

const ed25519 = publicKeyOfText('ed25519', textOf('ed25519.public.b64'), 'golden')
const p256 = publicKeyOfText('spki', textOf('spki-p256.public.der.b64'), 'golden')
const spkiEd = publicKeyOfText('spki', textOf('spki-ed25519.public.der.b64'), 'golden')
const keySet = (...trusted: KeySet['trusted']): KeySet => ({ trusted, revoked: new Set() })

const check = (commit: string, type: SignType, keys: KeySet) =>
  checkSignatures(
    bytesOf(`${commit}.commit`),
    decodeDict(bytesOf(`${commit}.commitmeta`), commit),
    [type],
    () => Promise.resolve(keys),
  )

async function repoWithV1(): Promise<{ repo: OstreeRepo; commit: string }> {
  const repo = await initRepo(memoryDir(), 'archive')
  await using transaction = await repo.begin()
  const commit = await transaction.writeMetadata('commit', bytesOf('v1.commit'))
  await transaction.commit()
  return { repo, commit }
}

describe('signatures that ostree made', () => {
  test.each([
    ['v1', 'ed25519', ed25519],
    ['v1', 'spki', spkiEd],
    ['v2', 'spki', p256],
  ] as const)('of %s by %s are good', async (commit, type, key) => {
    expect(await check(commit, type, keySet(key))).toBeUndefined()
    expect(await check(commit === 'v1' ? 'v2' : 'v1', type, keySet(key))).toBeTypeOf('string')
  })

  test('of a summary and of a delta are good, and of nothing else', async () => {
    const keys = keySet(ed25519)
    const dict = decodeDict(bytesOf('summary.sig'), 'summary.sig')
    expect(
      await checkSignatures(bytesOf('summary'), dict, ['ed25519'], () => Promise.resolve(keys)),
    ).toBeUndefined()
    const delta = openSuperblock(bytesOf('v1-v2.inline.signed.delta'), 'delta')
    await verifySignatures(delta, 'ed25519', keys)
    await expect(verifySignatures(delta, 'ed25519', keySet(spkiEd))).resolves.toBeUndefined()
    await expect(verifySignatures(delta, 'spki', keySet(p256))).rejects.toMatchObject({
      code: 'STORE_OSTREE_SIGNATURE',
    })
    const { signatures: _, ...unsigned } = delta
    await expect(verifySignatures(unsigned, 'ed25519', keys)).rejects.toMatchObject({
      code: 'STORE_OSTREE_SIGNATURE',
    })
  })

  test('is made again to the byte, as ed25519 has no chance in it', async () => {
    const { repo, commit } = await repoWithV1()
    const keys = [secretKeyOfText('ed25519', textOf('ed25519.secret.b64'), 'golden')]
    await signCommit(repo, commit, { type: 'ed25519', keys })
    await signCommit(repo, commit, { type: 'ed25519', keys })
    const made = signaturesIn(await repo.readDetached(commit), 'ed25519')
    expect(made).toEqual(signaturesIn(decodeDict(bytesOf('v1.commitmeta'), 'v1'), 'ed25519'))
    await verifyCommit(repo, commit, 'ed25519', keySet(ed25519))
  })

  test('wraps a superblock as it was', () => {
    const bytes = bytesOf('v1-v2.inline.signed.delta')
    const { inner, signatures } = unwrapSigned(bytes, 'delta')
    expect(wrapSigned(inner, signatures!)).toEqual(bytes)
  })
})

describe('signing', () => {
  test('several keys sign one after the other, and each signature can be deleted by its key', async () => {
    const { repo, commit } = await repoWithV1()
    const private256 = secretKeyOfText('spki', textOf('spki-p256.private.der.b64'), 'golden')
    const privateEd = secretKeyOfText('spki', textOf('spki-ed25519.private.der.b64'), 'golden')
    await signCommit(repo, commit, { type: 'spki', keys: [private256, privateEd] })
    await verifyCommit(repo, commit, 'spki', keySet(p256))
    await verifyCommit(repo, commit, 'spki', keySet(spkiEd))
    expect(await deleteSignatures(repo, commit, 'spki', [p256])).toBe(1)
    await expect(verifyCommit(repo, commit, 'spki', keySet(p256))).rejects.toMatchObject({
      code: 'STORE_OSTREE_SIGNATURE',
    })
    await verifyCommit(repo, commit, 'spki', keySet(spkiEd))
    expect(await deleteSignatures(repo, commit, 'spki', undefined)).toBe(1)
    expect(signaturesIn(await repo.readDetached(commit), 'spki')).toEqual([])
  })

  test('a revoked key verifies nothing', async () => {
    const keys = { trusted: [ed25519], revoked: new Set([ed25519.hex]) }
    expect(await check('v1', 'ed25519', keys)).toContain('revoked')
  })
})

describe('keys', () => {
  const bad = { code: 'STORE_OSTREE_KEY' }

  test.each([
    ['ed25519', ''],
    ['ed25519', 'AAAA'],
    ['ed25519', 'not base64 at all'],
    ['ed25519', `${Buffer.alloc(33).toString('base64')}`],
    ['spki', Buffer.from('-----BEGIN PUBLIC KEY-----').toString('base64')],
    ['spki', textOf('spki-p256.private.der.b64')],
  ] as const)('%s: %j is none', (type, text) => {
    expect(() => publicKeyOfText(type, text, 'here')).toThrow(expect.objectContaining(bad))
  })

  test('files have a line for each, or PEM blocks', () => {
    const text = textOf('ed25519.public.b64')
    expect(publicKeysOfFile('ed25519', `\n${text}\nnonsense\n`, 'f')).toHaveLength(1)
    expect(publicKeysOfFile('spki', textOf('spki-ed25519.public.pem'), 'f')[0]!.hex).toBe(spkiEd.hex)
    for (const wrong of ['', 'nonsense', text.slice(4)]) {
      expect(() => publicKeysOfFile('ed25519', wrong, 'f')).toThrow(expect.objectContaining(bad))
      expect(() => publicKeysOfFile('spki', wrong, 'f')).toThrow(expect.objectContaining(bad))
    }
  })

  test('messages never hold a secret key', () => {
    const secret = textOf('ed25519.secret.b64').slice(0, 60)
    expect.assertions(1)
    try {
      secretKeyOfText('ed25519', secret, 'here')
    } catch (error) {
      const { message, details } = error as { message: string; details: unknown }
      expect(`${message} ${JSON.stringify(details)}`).not.toContain(secret.slice(0, 12))
    }
  })

  test('directories that are not there have none', async () => {
    expect(await loadSystemKeys('ed25519', ['/nonexistent/keys'])).toEqual(keySet())
  })
})

test('damage anywhere in a signature or in what is signed is found', async () => {
  const commit = bytesOf('v1.commit')
  const meta = decodeDict(bytesOf('v1.commitmeta'), 'v1')
  const good = signaturesIn(meta, 'ed25519')[0]!
  await fc.assert(
    fc.asyncProperty(
      fc.nat(good.length - 1),
      fc.nat(commit.length - 1),
      fc.integer({ min: 1, max: 255 }),
      fc.boolean(),
      async (at, commitAt, change, isCommit) => {
        const [bytes, signature] = [Buffer.from(commit), Buffer.from(good)]
        if (isCommit) bytes[commitAt]! ^= change
        else signature[at]! ^= change
        const dict = decodeDict(
          encodeDict([['ostree.sign.ed25519', { type: 'aay', value: [signature] }]]),
          'damaged',
        )
        const problem = await checkSignatures(bytes, dict, ['ed25519'], () =>
          Promise.resolve(keySet(ed25519)),
        )
        expect(problem).toBeTypeOf('string')
      },
    ),
    { numRuns: 300 },
  )
})
