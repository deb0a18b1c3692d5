import { BootcError } from '../errors.js'
import type { OpOptions, StoredImage } from '../interfaces/index.js'
import type { Writer } from './context.js'
import type { HostEntry } from './host-state.js'

/**
 * The deployment that an image has already, in stores that can deploy it once only; undefined in others and
 * where there is none. What no entry boots and nothing waits for is a left-over and does not count.
 */
export async function twinOf(
  { store, state, lock }: Pick<Writer, 'store' | 'state' | 'lock'>,
  image: StoredImage,
  options: OpOptions,
): Promise<HostEntry | undefined> {
  const id = await store.deployments.idOf?.(image, lock, options)
  if (id === undefined) return undefined
  return [...state.order, state.booted, state.staged, ...state.others].find((entry) => entry?.id === id)
}

/** What is to be deployed boots already, under its own /etc, which a second deployment of it would replace. */
export function alreadyDeployed(twin: HostEntry, state: Writer['state']): BootcError {
  const role = twin.id === state.booted?.id ? 'booted' : twin.id === state.rollback?.id ? 'rollback' : 'kept'
  const hint = role === 'rollback' ? '; a rollback boots it' : ''
  return new BootcError(
    'DEPLOY_EXISTS',
    `the image has the same root as the ${role} deployment, and this store keeps one of a kind${hint}`,
    { details: { deployment: twin.id, role } },
  )
}
