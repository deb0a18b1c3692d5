/** How the name in a signature must agree with the name that was asked for. */
export type IdentityMatch =
  | { readonly type: 'matchExact' | 'matchRepoDigestOrExact' | 'matchRepository' }
  | { readonly type: 'exactReference'; readonly dockerReference: string }
  | { readonly type: 'exactRepository'; readonly dockerRepository: string }
  | { readonly type: 'remapIdentity'; readonly prefix: string; readonly signedPrefix: string }

/** Bytes that a policy holds, or names a file for. */
export type PolicyBytes = { readonly path: string } | { readonly data: Uint8Array }

export interface SignedBy {
  readonly type: 'signedBy'
  /** Only `GPGKeys` can be verified; the others are known words that nothing satisfies. */
  readonly keyType: 'GPGKeys' | 'signedByGPGKeys' | 'X509Certificates' | 'signedByX509CAs'
  /** Keyrings; a signature by any key in any of them counts. */
  readonly keys: readonly PolicyBytes[]
  readonly signedIdentity: IdentityMatch
}

export interface FulcioTrust {
  readonly ca: PolicyBytes
  readonly oidcIssuer: string
  readonly subjectEmail: string
}

export interface PkiTrust {
  readonly roots: PolicyBytes
  readonly intermediates?: PolicyBytes
  readonly subjectEmail?: string
  readonly subjectHostname?: string
}

export interface SigstoreSigned {
  readonly type: 'sigstoreSigned'
  /** What the signing key must be: one of these public keys, or one that a certificate speaks for. */
  readonly trust:
    | { readonly kind: 'keys'; readonly keys: readonly PolicyBytes[] }
    | { readonly kind: 'fulcio'; readonly fulcio: FulcioTrust }
    | { readonly kind: 'pki'; readonly pki: PkiTrust }
  /** Keys of transparency logs, one of which must have seen the signature; undefined: none is asked for. */
  readonly rekorKeys?: readonly PolicyBytes[]
  readonly signedIdentity: IdentityMatch
}

export type PolicyRequirement =
  | { readonly type: 'insecureAcceptAnything' }
  | { readonly type: 'reject' }
  /** Known to the format, and never satisfied. */
  | { readonly type: 'signedBaseLayer'; readonly baseLayerIdentity: IdentityMatch }
  | SignedBy
  | SigstoreSigned

/** policy.json; all requirements of a list must hold, and no list is empty. */
export interface ContainersPolicy {
  readonly default: readonly PolicyRequirement[]
  /** Transport → scope → requirements. */
  readonly transports: ReadonlyMap<string, ReadonlyMap<string, readonly PolicyRequirement[]>>
}
