import type { LoaderProgram } from '@bootc-sdk/core'

/**
 * Components that bootupd looks after, from the output of `bootupctl status --json`:
 * `{"components":{"EFI":{"installed":{"version","timestamp"},"update":{…}|null,"updatable":"available"|"at-latest-version"|…}}}`.
 * Empty for anything else: other versions of the program may say it in another way.
 *
 * @see bootupd 0.2 src/model.rs, Status
 */
export function bootupdPrograms(json: string): LoaderProgram[] {
  const { components } = record(parse(json))
  return Object.entries(record(components)).flatMap(([path, component]) => {
    const { installed, update, updatable } = record(component)
    const { version } = record(installed)
    if (typeof version !== 'string') return []
    const shipped = record(update)['version']
    const isLatest = updatable === 'at-latest-version'
    return {
      ...{ volume: 'bootupd', path, version },
      ...(typeof shipped === 'string' ? { shipped } : isLatest ? { shipped: version } : {}),
      outdated: updatable === 'available',
    }
  })
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}
