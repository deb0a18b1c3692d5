import type { GpgName, Signature, World } from './ostree-trust-world.js'

/** What a remote is configured to demand, what its server has, and which keys are there. */
export interface TrustCase {
  readonly name: string
  readonly config: Readonly<Record<string, string>>
  /** `NAME.trustedkeys.gpg` in the repository. */
  readonly keyring?: readonly GpgName[]
  readonly commit?: readonly Signature[]
  readonly summary?: readonly Signature[] | 'none'
  /** Files beside the repository, which values of `config` name as `@FILE`. */
  readonly files?: Readonly<Record<string, string>>
  /** Keys of the system, by file below `/etc/ostree` or `/usr/share/ostree`. */
  readonly system?: Readonly<Record<string, string | Buffer>>
  readonly url?: 'file'
  /** Where we are stricter than libostree, which accepts it. */
  readonly stricter?: string
}

export function trustCases(world: World): TrustCase[] {
  const off = { 'gpg-verify': 'false' }
  const ed = { ...off, 'sign-verify': 'ed25519' }
  const ed1 = { ...ed, 'verification-ed25519-key': world.publicText('ed1') }
  const spki = { ...off, 'sign-verify': 'spki' }
  const spkiKey = (name: Parameters<World['publicPem']>[0]) => ({
    ...spki,
    'verification-spki-key': world.publicText(name),
  })
  const summaryOnly = { ...off, 'gpg-verify-summary': 'true' }
  const edSummary = {
    ...off,
    'sign-verify-summary': 'ed25519',
    'verification-ed25519-key': world.publicText('ed1'),
  }
  const edText = world.publicText('ed1')
  const good: TrustCase['keyring'] = ['good']
  return [
    { name: 'nothing is demanded', config: off },
    // OpenPGP, commits
    { name: 'gpg: no signature', config: {}, keyring: good },
    { name: 'gpg: a good one', config: {}, keyring: good, commit: ['good'] },
    { name: 'gpg: said in words', config: { 'gpg-verify': 'true' }, keyring: good, commit: ['good'] },
    { name: 'gpg: a key that is not trusted', config: {}, keyring: good, commit: ['strange'] },
    { name: 'gpg: an expired key', config: {}, keyring: ['gone'], commit: ['gone'] },
    { name: 'gpg: a revoked key', config: {}, keyring: ['taken'], commit: ['taken'] },
    { name: 'gpg: of another commit', config: {}, keyring: good, commit: ['good:other'] },
    { name: 'gpg: damaged', config: {}, keyring: good, commit: ['good:damaged'] },
    { name: 'gpg: a strange one and a good one', config: {}, keyring: good, commit: ['strange', 'good'] },
    { name: 'gpg: a good one and a strange one', config: {}, keyring: good, commit: ['good', 'strange'] },
    { name: 'gpg: two good ones', config: {}, keyring: ['good', 'second'], commit: ['good', 'second'] },
    { name: 'gpg: expired and good', config: {}, keyring: ['gone', 'good'], commit: ['gone', 'good'] },
    { name: 'gpg: revoked and good', config: {}, keyring: ['taken', 'good'], commit: ['taken', 'good'] },
    { name: 'gpg: wrong and good', config: {}, keyring: good, commit: ['good:other', 'good'] },
    { name: 'gpg: good and wrong', config: {}, keyring: good, commit: ['good', 'good:other'] },
    {
      name: 'gpg: strange and wrong, and good',
      config: {},
      keyring: good,
      commit: ['strange:other', 'good'],
    },
    { name: 'gpg: damaged and good', config: {}, keyring: good, commit: ['good:damaged', 'good'] },
    { name: 'gpg: noise and good', config: {}, keyring: good, commit: ['gpg:noise', 'good'] },
    { name: 'gpg: good and noise', config: {}, keyring: good, commit: ['good', 'gpg:noise'] },
    { name: 'gpg: empty and good', config: {}, keyring: good, commit: ['gpg:empty', 'good'] },
    {
      name: 'gpg: two good, wrong last',
      config: {},
      keyring: ['good', 'second'],
      commit: ['good', 'second', 'good:other'],
    },
    { name: 'gpg: noise alone', config: {}, keyring: good, commit: ['gpg:noise'] },
    { name: 'gpg: empty alone', config: {}, keyring: good, commit: ['gpg:empty'] },
    { name: 'gpg: no keyring at all', config: {}, commit: ['good'] },
    { name: 'gpg: second of two keys', config: {}, keyring: ['second', 'good'], commit: ['good'] },
    {
      name: 'gpg: key of a file',
      config: { gpgkeypath: '@good.asc' },
      files: { 'good.asc': world.armored('good') },
      commit: ['good'],
    },
    {
      name: 'gpg: second file of a list',
      config: { gpgkeypath: '@second.asc;@good.asc' },
      files: { 'second.asc': world.armored('second'), 'good.asc': world.armored('good') },
      commit: ['good'],
    },
    {
      name: 'gpg: directory of keys',
      config: { gpgkeypath: '@keys' },
      files: { 'keys/a.asc': world.armored('second'), 'keys/b.asc': world.armored('good') },
      commit: ['good'],
    },
    {
      name: 'gpg: file of another key',
      config: { gpgkeypath: '@second.asc' },
      files: { 'second.asc': world.armored('second') },
      commit: ['good'],
    },
    {
      name: 'gpg: keyring and file',
      config: { gpgkeypath: '@good.asc' },
      keyring: ['second'],
      files: { 'good.asc': world.armored('good') },
      commit: ['good'],
    },
    { name: 'gpg: a file that is not there', config: { gpgkeypath: '@none.asc' }, commit: ['good'] },
    {
      name: 'gpg: keyring of the system',
      config: {},
      system: { 'usr/share/ostree/trusted.gpg.d/a.gpg': world.keyring('good') },
      commit: ['good'],
    },
    {
      name: 'gpg: keyring of the system, beside one of the remote',
      config: {},
      keyring: ['second'],
      system: { 'usr/share/ostree/trusted.gpg.d/a.gpg': world.keyring('good') },
      commit: ['good'],
    },
    {
      name: 'gpg: keyring of the system, with another suffix',
      config: {},
      system: { 'usr/share/ostree/trusted.gpg.d/a.asc': world.armored('good') },
      commit: ['good'],
    },
    { name: 'gpg: ed25519 instead', config: {}, keyring: good, commit: ['ed1'] },
    { name: 'gpg over file:', config: {}, keyring: good, commit: ['good'], url: 'file' },
    { name: 'gpg over file:, strange', config: {}, keyring: good, commit: ['strange'], url: 'file' },
    { name: 'gpg over file:, none', config: {}, keyring: good, url: 'file' },
    // OpenPGP, summary
    { name: 'gpg summary: good', config: summaryOnly, keyring: good, summary: ['good'] },
    { name: 'gpg summary: strange', config: summaryOnly, keyring: good, summary: ['strange'] },
    { name: 'gpg summary: of another', config: summaryOnly, keyring: good, summary: ['good:other'] },
    { name: 'gpg summary: no signature', config: summaryOnly, keyring: good },
    { name: 'gpg summary: no summary', config: summaryOnly, keyring: good, summary: 'none' },
    { name: 'gpg summary: expired', config: summaryOnly, keyring: ['gone'], summary: ['gone'] },
    {
      name: 'gpg both: only the summary is signed',
      config: { 'gpg-verify-summary': 'true' },
      keyring: good,
      summary: ['good'],
    },
    {
      name: 'gpg both: both are signed',
      config: { 'gpg-verify-summary': 'true' },
      keyring: good,
      commit: ['good'],
      summary: ['good'],
    },
    {
      name: 'gpg summary over file:',
      config: summaryOnly,
      keyring: good,
      summary: ['good'],
      url: 'file',
    },
    // ed25519
    { name: 'ed25519: good', config: ed1, commit: ['ed1'] },
    { name: 'ed25519: none', config: ed1 },
    { name: 'ed25519: another key', config: ed1, commit: ['ed2'] },
    { name: 'ed25519: of another commit', config: ed1, commit: ['ed1:other'] },
    { name: 'ed25519: damaged', config: ed1, commit: ['ed1:damaged'] },
    { name: 'ed25519: another, then good', config: ed1, commit: ['ed2', 'ed1'] },
    { name: 'ed25519: damaged, then good', config: ed1, commit: ['ed1:damaged', 'ed1'] },
    { name: 'ed25519: too short, then good', config: ed1, commit: ['ed:short', 'ed1'] },
    { name: 'ed25519: good, then too short', config: ed1, commit: ['ed1', 'ed:short'] },
    { name: 'ed25519: over file:', config: ed1, commit: ['ed1'], url: 'file' },
    { name: 'ed25519: over file:, another key', config: ed1, commit: ['ed2'], url: 'file' },
    { name: 'ed25519: named, no key', config: ed, commit: ['ed1'] },
    {
      name: 'ed25519: wrong base64',
      config: { ...ed, 'verification-ed25519-key': '%%%not base64%%%' },
      commit: ['ed1'],
    },
    {
      name: 'ed25519: key of 31 bytes',
      config: { ...ed, 'verification-ed25519-key': Buffer.alloc(31).toString('base64') },
      commit: ['ed1'],
    },
    {
      name: 'ed25519: file with two keys',
      config: { ...ed, 'verification-ed25519-file': '@keys' },
      files: { keys: `${world.publicText('ed2')}\n${edText}\n` },
      commit: ['ed1'],
    },
    {
      name: 'ed25519: file with a bad line',
      config: { ...ed, 'verification-ed25519-file': '@keys' },
      files: { keys: `AAAA\n${edText}\n` },
      commit: ['ed1'],
    },
    {
      name: 'ed25519: file without keys',
      config: { ...ed, 'verification-ed25519-file': '@keys' },
      files: { keys: 'AAAA\n' },
      commit: ['ed1'],
    },
    {
      name: 'ed25519: file that is not there',
      config: { ...ed, 'verification-ed25519-file': '@keys' },
      commit: ['ed1'],
    },
    {
      name: 'ed25519: key and file',
      config: {
        ...ed,
        'verification-ed25519-key': world.publicText('ed2'),
        'verification-ed25519-file': '@keys',
      },
      files: { keys: `${edText}\n` },
      commit: ['ed1'],
    },
    { name: 'any engine: ed25519', config: { ...ed1, 'sign-verify': 'true' }, commit: ['ed1'] },
    { name: 'any engine: no signature', config: { ...ed1, 'sign-verify': 'true' } },
    { name: 'any engine: 1', config: { ...ed1, 'sign-verify': '1' }, commit: ['ed1'] },
    { name: 'engines off', config: { ...ed1, 'sign-verify': 'false' } },
    { name: 'engines off, with 0', config: { ...ed1, 'sign-verify': '0' } },
    { name: 'engines unset', config: { ...ed1, 'sign-verify': '' } },
    { name: 'an unknown engine', config: { ...ed1, 'sign-verify': 'rot13' }, commit: ['ed1'] },
    { name: 'a list with a separator', config: { ...ed1, 'sign-verify': 'ed25519;' }, commit: ['ed1'] },
    {
      name: 'two engines, ed25519 signed',
      config: { ...ed1, ...spkiKey('spkiEc'), 'sign-verify': 'ed25519;spki;' },
      commit: ['ed1'],
    },
    {
      name: 'two engines, spki signed',
      config: { ...ed1, ...spkiKey('spkiEc'), 'sign-verify': 'ed25519;spki' },
      commit: ['spkiEc'],
    },
    {
      name: 'two engines, one wrong',
      config: { ...ed1, ...spkiKey('spkiEc'), 'sign-verify': 'ed25519;spki' },
      commit: ['ed2', 'spkiEc'],
    },
    {
      name: 'two engines, a key for one',
      config: { ...ed1, 'sign-verify': 'ed25519;spki' },
      commit: ['ed1'],
    },
    {
      name: 'both kinds: both are signed',
      config: { ...ed1, 'gpg-verify': 'true' },
      keyring: good,
      commit: ['good', 'ed1'],
    },
    {
      name: 'both kinds: only OpenPGP',
      config: { ...ed1, 'gpg-verify': 'true' },
      keyring: good,
      commit: ['good'],
    },
    {
      name: 'both kinds: only ed25519',
      config: { ...ed1, 'gpg-verify': 'true' },
      keyring: good,
      commit: ['ed1'],
    },
    // Keys of the system
    {
      name: 'system: trusted.ed25519',
      config: { ...off, 'sign-verify': 'true' },
      system: { 'etc/ostree/trusted.ed25519': `${edText}\n` },
      commit: ['ed1'],
    },
    {
      name: 'system: trusted.ed25519.d',
      config: { ...off, 'sign-verify': 'true' },
      system: { 'usr/share/ostree/trusted.ed25519.d/vendor': `${edText}\n` },
      commit: ['ed1'],
    },
    {
      name: 'system: another key',
      config: { ...off, 'sign-verify': 'true' },
      system: { 'etc/ostree/trusted.ed25519': `${world.publicText('ed2')}\n` },
      commit: ['ed1'],
    },
    {
      name: 'system: trusted and revoked',
      config: { ...off, 'sign-verify': 'true' },
      system: {
        'etc/ostree/trusted.ed25519': `${edText}\n`,
        'etc/ostree/revoked.ed25519': `${edText}\n`,
      },
      commit: ['ed1'],
    },
    {
      name: 'system: revoked below, trusted above',
      config: { ...off, 'sign-verify': 'true' },
      system: {
        'etc/ostree/trusted.ed25519': `${edText}\n`,
        'usr/share/ostree/revoked.ed25519.d/a': `${edText}\n`,
      },
      commit: ['ed1'],
    },
    {
      name: 'system: revoked, but a key of the remote',
      config: ed1,
      system: { 'etc/ostree/revoked.ed25519': `${edText}\n` },
      commit: ['ed1'],
      stricter: 'what the system revokes is revoked for all',
    },
    {
      name: 'system: a key of the remote comes first',
      config: { ...ed, 'verification-ed25519-key': world.publicText('ed2') },
      system: { 'etc/ostree/trusted.ed25519': `${edText}\n` },
      commit: ['ed1'],
    },
    {
      name: 'system: nothing',
      config: { ...off, 'sign-verify': 'true' },
      commit: ['ed1'],
    },
    {
      name: 'system: trusted.spki',
      config: { ...off, 'sign-verify': 'true' },
      system: { 'etc/ostree/trusted.spki': world.publicPem('spkiEc') },
      commit: ['spkiEc'],
    },
    // spki
    { name: 'spki: P-256', config: spkiKey('spkiEc'), commit: ['spkiEc'] },
    { name: 'spki: P-384', config: spkiKey('spkiP384'), commit: ['spkiP384'] },
    { name: 'spki: Ed25519', config: spkiKey('spkiEd'), commit: ['spkiEd'] },
    { name: 'spki: RSA', config: spkiKey('spkiRsa'), commit: ['spkiRsa'] },
    {
      name: 'spki: another key',
      config: spkiKey('spkiEc'),
      commit: ['spkiEd'],
      stricter: 'it takes bytes that are no ECDSA signature at all for a good one',
    },
    { name: 'spki: another key of the kind', config: spkiKey('spkiEd'), commit: ['ed1', 'spkiEc'] },
    { name: 'spki: none', config: spkiKey('spkiEc') },
    { name: 'spki: of another commit', config: spkiKey('spkiRsa'), commit: ['spkiRsa:other'] },
    { name: 'spki: damaged', config: spkiKey('spkiEd'), commit: ['spkiEd:damaged'] },
    { name: 'spki: another, then good', config: spkiKey('spkiEc'), commit: ['spkiRsa', 'spkiEc'] },
    {
      name: 'spki: PEM in a file',
      config: { ...spki, 'verification-spki-file': '@keys.pem' },
      files: { 'keys.pem': world.publicPem('spkiEd') + world.publicPem('spkiEc') },
      commit: ['spkiEc'],
    },
    {
      name: 'spki: a private key in the file',
      config: { ...spki, 'verification-spki-file': '@keys.pem' },
      files: { 'keys.pem': world.secretPem('spkiEc') },
      commit: ['spkiEc'],
    },
    {
      name: 'spki: base64 of no key',
      config: { ...spki, 'verification-spki-key': 'AAAA' },
      commit: ['spkiEc'],
    },
    // Summaries by engines
    { name: 'ed25519 summary: good', config: edSummary, summary: ['ed1'] },
    { name: 'ed25519 summary: another key', config: edSummary, summary: ['ed2'] },
    { name: 'ed25519 summary: no signature', config: edSummary },
    { name: 'ed25519 summary: no summary', config: edSummary, summary: 'none' },
    { name: 'ed25519 summary: of another', config: edSummary, summary: ['ed1:other'] },
    {
      name: 'spki summary: good',
      config: { ...spkiKey('spkiEc'), 'sign-verify': '', 'sign-verify-summary': 'spki' },
      summary: ['spkiEc'],
    },
    {
      name: 'both summaries: one is missing',
      config: { ...edSummary, 'gpg-verify-summary': 'true' },
      keyring: good,
      summary: ['ed1'],
    },
    {
      name: 'both summaries: both',
      config: { ...edSummary, 'gpg-verify-summary': 'true' },
      keyring: good,
      summary: ['ed1', 'good'],
    },
  ]
}
