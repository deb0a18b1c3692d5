import { spawn } from 'node:child_process'
import { authFileHelper } from '../../containers-conf/registries-types.js'
import { BootcError } from '../../errors.js'
import type { CredentialSource, Credentials } from './credentials.js'

const timeoutMs = 60_000
const maxAnswerBytes = 1 << 20

/** Asks a program for the credentials of a registry; undefined when it has none. */
export type CredentialHelper = (name: string, registry: string) => Promise<Credentials | undefined>

/**
 * Run `docker-credential-NAME get`: the registry goes in, `{"Username", "Secret"}` comes out. Nothing of the answer
 * appears in errors.
 *
 * @throws BootcError `TRANSPORT_CONFIG_INVALID` when it cannot be run, fails or answers something else
 * @see https://github.com/docker/docker-credential-helpers
 */
export async function runCredentialHelper(name: string, registry: string): Promise<Credentials | undefined> {
  if (!/^[A-Za-z0-9._-]+$/.test(name)) throw failed(name, 'is no name of a program')
  const { code, output } = await run(`docker-credential-${name}`, registry).catch((cause: unknown) => {
    throw failed(name, `cannot be run (${(cause as NodeJS.ErrnoException).code ?? 'unknown error'})`)
  })
  if (/credentials not found in native keychain/.test(output)) return undefined
  if (code !== 0) throw failed(name, `fails with ${code ?? 'a signal'}`)
  let answer: { Username?: unknown; Secret?: unknown } | null
  try {
    answer = JSON.parse(output) as typeof answer
  } catch {
    throw failed(name, 'answers something else than JSON')
  }
  const { Username: username, Secret: secret } = answer ?? {}
  if (typeof username !== 'string' || typeof secret !== 'string')
    throw failed(name, 'answers without credentials')
  if (username === '' && secret === '') return undefined
  return username === '<token>' ? { identityToken: secret } : { username, password: secret }
}

/**
 * Ask what `credential-helpers` of registries.conf names, in order, until one has credentials. A helper that fails
 * counts only when no later one has any.
 *
 * @param files answers for `containers-auth.json`
 */
export function credentialsByHelpers(
  helpers: () => Promise<readonly string[] | undefined>,
  files: CredentialSource,
  runHelper: CredentialHelper = runCredentialHelper,
): CredentialSource {
  return async (request) => {
    const failures: unknown[] = []
    for (const name of (await helpers()) ?? [authFileHelper]) {
      try {
        const found = await (name === authFileHelper ? files(request) : runHelper(name, request.registry))
        if (found !== undefined) return found
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0] as Error
    return undefined
  }
}

function run(program: string, input: string): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, ['get'], { stdio: ['pipe', 'pipe', 'ignore'], timeout: timeoutMs })
    let output = ''
    child.stdout.setEncoding('utf8')
    child.stdout.on('data', (text: string) => {
      output += text
      if (output.length > maxAnswerBytes) child.kill()
    })
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, output }))
    // It may have gone without reading.
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
  })
}

function failed(name: string, problem: string): BootcError {
  return new BootcError('TRANSPORT_CONFIG_INVALID', `credential helper ${JSON.stringify(name)} ${problem}`, {
    details: { helper: name },
  })
}
