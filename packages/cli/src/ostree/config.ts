import { BootcError } from '@bootc-sdk/core'
import { UsageError, type Cli } from '../io.js'
import { openRepository, type RepoOptions } from './repository.js'

/** `bootc-sdk ostree config get|set|unset GROUP.KEY [VALUE]`. The group may hold dots and quotes (`remote "x"`). */
export async function config(
  cli: Cli,
  options: RepoOptions,
  operation: string,
  name: string,
  value: string | undefined,
): Promise<void> {
  const dot = name.lastIndexOf('.')
  if (dot <= 0 || dot === name.length - 1) throw new UsageError(`${name}: expected GROUP.KEY`)
  const group = name.slice(0, dot)
  const key = name.slice(dot + 1)
  if (operation === 'set' ? value === undefined : value !== undefined) {
    throw new UsageError(
      operation === 'set' ? 'config set needs a value' : `config ${operation} takes no value`,
    )
  }
  const repo = await openRepository(options)
  switch (operation) {
    case 'get': {
      const found = repo.config(group, key)
      if (found === undefined) {
        throw new BootcError('STORE_CONFIG_KEY_NOT_FOUND', `No such key: ${name}`, {
          details: { group, key },
        })
      }
      await cli.out.write(`${found}\n`)
      return
    }
    case 'set':
    case 'unset':
      await repo.setConfig([{ group, key, value }])
      return
    default:
      throw new UsageError(`unknown operation ${operation}; choose get, set or unset`)
  }
}
