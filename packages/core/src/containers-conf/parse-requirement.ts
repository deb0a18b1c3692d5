import type { JsonObject, JsonValue } from '../oci/strict-json.js'
import { parseIdentityMatch } from './parse-identity.js'
import {
  asObject,
  decodeBase64,
  exactKeys,
  onlyKeys,
  PolicyProblem,
  requiredText,
  textMember,
  textsMember,
} from './policy-members.js'
import type {
  FulcioTrust,
  IdentityMatch,
  PkiTrust,
  PolicyBytes,
  PolicyRequirement,
  SignedBy,
  SigstoreSigned,
} from './policy-types.js'

/** A list that some scope has. @throws PolicyProblem */
export function parseRequirements(value: JsonValue, where: string): PolicyRequirement[] {
  if (!Array.isArray(value) || value.length === 0) {
    throw new PolicyProblem(`${where} is not a list with at least one requirement`)
  }
  return value.map((item) => parseRequirement(asObject(item, `requirement of ${where}`)))
}

function parseRequirement(object: JsonObject): PolicyRequirement {
  const type = object['type']
  switch (type) {
    case 'insecureAcceptAnything':
    case 'reject':
      exactKeys(object, ['type'], type)
      return { type }
    case 'signedBaseLayer':
      exactKeys(object, ['type', 'baseLayerIdentity'], type)
      return { type, baseLayerIdentity: parseIdentityMatch(object['baseLayerIdentity']!) }
    case 'signedBy':
      return parseSignedBy(object)
    case 'sigstoreSigned':
      return parseSigstoreSigned(object)
    default:
      throw new PolicyProblem(`unknown requirement type ${JSON.stringify(type ?? null)}`)
  }
}

const keyTypes: ReadonlySet<string> = new Set<SignedBy['keyType']>([
  'GPGKeys',
  'signedByGPGKeys',
  'X509Certificates',
  'signedByX509CAs',
])

function parseSignedBy(object: JsonObject): SignedBy {
  const what = 'signedBy'
  onlyKeys(object, ['type', 'keyType', 'keyPath', 'keyPaths', 'keyData', 'signedIdentity'], what)
  const keyType = requiredText(object, 'keyType', what)
  if (!keyTypes.has(keyType)) throw new PolicyProblem(`unknown keyType ${JSON.stringify(keyType)}`)
  const keys = oneOf(
    what,
    ['keyPath', 'keyPaths', 'keyData'],
    [
      pathOf(object, 'keyPath', what),
      // An empty list is allowed here, and is satisfied by nothing.
      textsMember(object, 'keyPaths', what)?.map((path) => ({ path })),
      dataOf(object, 'keyData', what),
    ],
  )
  return { type: what, keyType: keyType as SignedBy['keyType'], keys, signedIdentity: signedIdentity(object) }
}

const rekorKeys = [
  'rekorPublicKeyPath',
  'rekorPublicKeyPaths',
  'rekorPublicKeyData',
  'rekorPublicKeyDatas',
] as const

function parseSigstoreSigned(object: JsonObject): SigstoreSigned {
  const what = 'sigstoreSigned'
  const keySources = ['keyPath', 'keyPaths', 'keyData', 'keyDatas', 'fulcio', 'pki'] as const
  onlyKeys(object, ['type', 'signedIdentity', ...keySources, ...rekorKeys], what)
  const keys = (value: readonly PolicyBytes[] | undefined) =>
    value && ({ kind: 'keys', keys: value } as const)
  const trust = oneOf<SigstoreSigned['trust']>(what, keySources, [
    keys(pathOf(object, 'keyPath', what)),
    keys(pathsOf(object, 'keyPaths', what)),
    keys(dataOf(object, 'keyData', what)),
    keys(datasOf(object, 'keyDatas', what)),
    'fulcio' in object ? { kind: 'fulcio', fulcio: parseFulcio(object['fulcio']!) } : undefined,
    'pki' in object ? { kind: 'pki', pki: parsePki(object['pki']!) } : undefined,
  ])
  const rekor = [
    pathOf(object, 'rekorPublicKeyPath', what),
    pathsOf(object, 'rekorPublicKeyPaths', what),
    dataOf(object, 'rekorPublicKeyData', what),
    datasOf(object, 'rekorPublicKeyDatas', what),
  ].filter((value) => value !== undefined)
  if (rekor.length > 1) throw new PolicyProblem(`${what} has more than one of ${rekorKeys.join(', ')}`)
  if (trust.kind === 'fulcio' && rekor.length === 0) {
    throw new PolicyProblem('fulcio needs the key of a transparency log')
  }
  if (trust.kind === 'pki' && rekor.length > 0) {
    throw new PolicyProblem('pki and the key of a transparency log exclude each other')
  }
  const identity = { signedIdentity: signedIdentity(object) }
  return { type: what, trust, ...(rekor[0] === undefined ? {} : { rekorKeys: rekor[0] }), ...identity }
}

function parseFulcio(value: JsonValue): FulcioTrust {
  const what = 'fulcio'
  const object = asObject(value, what)
  onlyKeys(object, ['caPath', 'caData', 'oidcIssuer', 'subjectEmail'], what)
  const [ca] = oneOf(
    what,
    ['caPath', 'caData'],
    [pathOf(object, 'caPath', what), dataOf(object, 'caData', what)],
  )
  return {
    ca: ca!,
    oidcIssuer: requiredText(object, 'oidcIssuer', what),
    subjectEmail: requiredText(object, 'subjectEmail', what),
  }
}

function parsePki(value: JsonValue): PkiTrust {
  const what = 'pki'
  const object = asObject(value, what)
  const [roots, more] = [
    ['caRootsPath', 'caRootsData'] as const,
    ['caIntermediatesPath', 'caIntermediatesData'] as const,
  ]
  onlyKeys(object, [...roots, ...more, 'subjectEmail', 'subjectHostname'], what)
  const either = ([path, data]: readonly [string, string]) => [
    pathOf(object, path, what),
    dataOf(object, data, what),
  ]
  const intermediates = either(more)
  const subjectEmail = textMember(object, 'subjectEmail', what)
  const subjectHostname = textMember(object, 'subjectHostname', what)
  if (subjectEmail === undefined && subjectHostname === undefined) {
    throw new PolicyProblem('pki has neither subjectEmail nor subjectHostname')
  }
  const has = intermediates.some((one) => one !== undefined)
  return {
    roots: oneOf(what, roots, either(roots))[0]!,
    ...(has ? { intermediates: oneOf(what, more, intermediates)[0]! } : {}),
    ...(subjectEmail === undefined ? {} : { subjectEmail }),
    ...(subjectHostname === undefined ? {} : { subjectHostname }),
  }
}

function signedIdentity(object: JsonObject): IdentityMatch {
  const value = object['signedIdentity']
  return value === undefined ? { type: 'matchRepoDigestOrExact' } : parseIdentityMatch(value)
}

function oneOf<T>(what: string, names: readonly string[], values: readonly (T | undefined)[]): T {
  const given = values.filter((value) => value !== undefined)
  if (given.length === 1) return given[0]!
  throw new PolicyProblem(
    `${what} has ${given.length === 0 ? 'none' : 'more than one'} of ${names.join(', ')}`,
  )
}

function pathOf(object: JsonObject, key: string, what: string): readonly PolicyBytes[] | undefined {
  const path = textMember(object, key, what)
  return path === undefined ? undefined : [{ path }]
}

function pathsOf(object: JsonObject, key: string, what: string): readonly PolicyBytes[] | undefined {
  return filled(textsMember(object, key, what), key)?.map((path) => ({ path }))
}

function dataOf(object: JsonObject, key: string, what: string): readonly PolicyBytes[] | undefined {
  const text = textMember(object, key, what)
  return text === undefined ? undefined : [{ data: decodeBase64(text, key) }]
}

function datasOf(object: JsonObject, key: string, what: string): readonly PolicyBytes[] | undefined {
  return filled(textsMember(object, key, what), key)?.map((text) => ({ data: decodeBase64(text, key) }))
}

function filled(list: string[] | undefined, key: string): string[] | undefined {
  if (list?.length === 0) throw new PolicyProblem(`${key} is empty`)
  return list
}
