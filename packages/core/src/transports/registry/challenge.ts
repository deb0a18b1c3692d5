/** One challenge of a `WWW-Authenticate` header. */
export interface Challenge {
  /** Lower case: `bearer`, `basic`. */
  readonly scheme: string
  /** Names in lower case. */
  readonly params: ReadonlyMap<string, string>
}

/**
 * Read `WWW-Authenticate` lines, one challenge each: a scheme, then `key=value` or `key="quoted"` pairs.
 * Reading a line stops at the first malformed pair; what came before it counts.
 *
 * @see RFC 9110 section 11.6.1, containers/image 5.34 docker/wwwauthenticate.go
 */
export function parseChallenges(lines: readonly string[]): Challenge[] {
  const challenges: Challenge[] = []
  for (const line of lines) {
    const scheme = /^\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*/.exec(line)
    if (!scheme) continue
    challenges.push({ scheme: scheme[1]!.toLowerCase(), params: parsePairs(line.slice(scheme[0].length)) })
  }
  return challenges
}

/** The first challenge that we can answer. */
export function knownChallenge(challenges: readonly Challenge[]): Challenge | undefined {
  return challenges.find(({ scheme }) => scheme === 'bearer' || scheme === 'basic')
}

/** The scope that a token lacked: `type:name:actions`. */
export function insufficientScope(challenges: readonly Challenge[]): string | undefined {
  for (const { scheme, params } of challenges) {
    const scope = params.get('scope')
    if (scheme !== 'bearer' || params.get('error') !== 'insufficient_scope' || scope === undefined) continue
    if (/^[^\s:]+:[^\s]+:[^\s:]+$/.test(scope)) return scope
  }
  return undefined
}

function parsePairs(text: string): Map<string, string> {
  const params = new Map<string, string>()
  const pair =
    /\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([!#$%&'*+.^_`|~0-9A-Za-z:/-]+))\s*(,|$)/y
  for (let match = pair.exec(text); match; match = pair.exec(text)) {
    const value = match[2] === undefined ? match[3]! : match[2].replace(/\\(.)/g, '$1')
    params.set(match[1]!.toLowerCase(), value)
    if (match[4] === '') break
  }
  return params
}
