import {
  BootcError,
  isBootcError,
  resolveImage,
  type ImageTransport,
  type SignedImageReference,
} from '@bootc-sdk/core'
import { parseImgref } from '../imgref.js'
import type { Cli } from '../io.js'

/**
 * An image to be read, as people type it. A name with neither transport nor registry (`debian`) is looked for as
 * podman does where it has no terminal: by alias, or at each registry that registries.conf has searched.
 *
 * @throws BootcError `IMAGE_REFERENCE_INVALID`, `IMAGE_SHORT_NAME`, and where several names were tried what was wrong
 *   with the last (`details.candidates` names all)
 */
export async function findImgref(
  cli: Cli,
  transports: readonly ImageTransport[],
  text: string,
): Promise<SignedImageReference> {
  const reference = parseImgref(text)
  const { isShort, loadRegistriesConf, namesToTry } = await import('@bootc-sdk/core/containers-conf')
  if (text !== reference.image.name || !isShort(text)) return reference
  const names = namesToTry(text, await loadRegistriesConf())
  const all = names.map((name): SignedImageReference => ({
    ...reference,
    image: { ...reference.image, name },
  }))
  if (all.length === 1) return all[0]!
  const { signal } = cli
  const failures: unknown[] = []
  for (const one of all) {
    try {
      await resolveImage(transports, one.image, { signal })
      return one
    } catch (error) {
      signal.throwIfAborted()
      // It is there, and may be wanted for another machine; what it is for is asked by whoever wants it.
      if (isBootcError(error, 'IMAGE_PLATFORM_MISSING')) return one
      failures.push(error)
    }
  }
  throw nowhere(text, names, failures)
}

function nowhere(text: string, names: readonly string[], failures: readonly unknown[]): unknown {
  const last = failures.at(-1)
  if (!isBootcError(last)) return last
  const told = failures.map((error, at) => `[${names[at]!}: ${(error as Error).message}]`).join(' ')
  return new BootcError(last.code, `${JSON.stringify(text)} was not found: ${told}`, {
    details: { ...last.details, reference: text, candidates: names },
    cause: last,
  })
}
