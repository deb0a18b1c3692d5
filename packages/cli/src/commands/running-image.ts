import { readFile } from 'node:fs/promises'
import { BootcError, parseImageReference, type SignedImageReference } from '@bootc-sdk/core'

export interface RunningImage {
  /** In the store of the machine, by id: a tag may have moved since. */
  readonly source: SignedImageReference
  /** Its name at a registry, to be followed. */
  readonly target: SignedImageReference
}

/**
 * The image of the podman container that this runs in; undefined outside of containers.
 *
 * @throws BootcError `HOST_CONTAINER` for containers that are of no use
 * @see podman, libpod/container_internal_common.go: /run/.containerenv
 */
export async function runningImage(path = '/run/.containerenv'): Promise<RunningImage | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  const facts = parseContainerenv(text)
  // Without --privileged the file is empty.
  if (facts.get('engine')?.startsWith('podman') !== true) {
    throw refusal('Currently this command only supports being executed via podman')
  }
  if (facts.get('rootless') === '1') {
    throw refusal('Cannot install from rootless podman; this command must be run as root')
  }
  const id = facts.get('imageid') ?? ''
  const name = facts.get('image') ?? ''
  if (id === '' || name === '') throw refusal('Invalid empty imageid')
  const signature = { kind: 'insecure' } as const
  const plain = name.replace(/@.*$/, '')
  return {
    source: { signature, image: parseImageReference(`containers-storage:${plain}@${id}`) },
    target: { signature, image: parseImageReference(`registry:${plain}`) },
  }
}

/** Lines `key="value"`. */
export function parseContainerenv(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split('\n').flatMap((line) => {
      const match = /^([a-z]+)=(?:"(.*)"|(.*))$/.exec(line.trim())
      return match === null ? [] : [[match[1]!, match[2] ?? match[3]!] as const]
    }),
  )
}

function refusal(message: string): BootcError {
  return new BootcError('HOST_CONTAINER', message)
}
