import { join } from 'node:path'
import { policyInvalid } from './conf-error.js'
import { hostConfReader, variable } from './conf-reader.js'
import type { ConfContext } from './conf-reader.js'
import { parsePolicy } from './parse-policy.js'
import type { ContainersPolicy } from './policy-types.js'

export interface PolicyFileOptions extends ConfContext {
  /** The file, which must exist. Default: the search below. */
  readonly path?: string
}

/**
 * The policy of this machine: `$CONTAINERS_POLICY_JSON`, else the first that exists of
 * `$XDG_CONFIG_HOME/containers/policy.json` (`~/.config/…`), `/etc/containers/policy.json` and
 * `/usr/share/containers/policy.json`.
 *
 * @returns undefined when there is none
 * @throws BootcError `IMAGE_POLICY_INVALID`
 * @see bootc 1.16.9 and containers-policy.json(5)
 */
export async function loadPolicy(
  options: PolicyFileOptions = {},
): Promise<{ readonly path: string; readonly policy: ContainersPolicy } | undefined> {
  const { env, reader = hostConfReader() } = options
  const named = options.path ?? variable(env, 'CONTAINERS_POLICY_JSON')
  const home = variable(env, 'HOME')
  const config = variable(env, 'XDG_CONFIG_HOME') ?? (home && join(home, '.config'))
  const user = config === undefined ? [] : [join(config, 'containers/policy.json')]
  const system = ['/etc/containers/policy.json', '/usr/share/containers/policy.json']
  for (const path of named === undefined ? [...user, ...system] : [named]) {
    const bytes = await reader.read(path).catch((cause: unknown) => {
      // Not looking at the next one: a policy that cannot be read is no permission.
      throw policyInvalid(path, 'cannot be read', cause)
    })
    if (bytes !== undefined) return { path, policy: parsePolicy(bytes, path) }
  }
  if (named !== undefined) throw policyInvalid(named, 'not found')
  return undefined
}
