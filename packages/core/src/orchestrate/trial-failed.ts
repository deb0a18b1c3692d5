import type { ResolvedImage, Warning } from '../interfaces/index.js'
import type { Writer } from './context.js'
import { failureOn, sameImage } from './trial-judge.js'
import { noHealing } from './trial-record.js'
import { tryWriteHealing } from './trial-start.js'
import type { FailedFacts, HealingFacts } from './trial-types.js'

type Image = Pick<ResolvedImage, 'manifestDigest' | 'configDigest'>

/** The failure that stands against an image; none against what runs, which shows that it works. */
export function standingFailure(
  { healing, anchor }: Pick<Writer['state'], 'healing' | 'anchor'>,
  image: Image,
): FailedFacts | undefined {
  const running = anchor?.deployment.image
  return running !== undefined && sameImage(running, image) ? undefined : failureOn(healing, image)
}

/** Forget what is known against an image, because somebody wants it all the same. */
export async function forgiveImage(
  writer: Pick<Writer, 'lock' | 'state'>,
  image: Image,
): Promise<readonly Warning[]> {
  const healing: HealingFacts = writer.state.healing ?? noHealing
  const failure = failureOn(healing, image)
  if (failure === undefined) return []
  const failed = healing.failed.filter((known) => !sameImage(known, image))
  const message = `this image failed here on ${failure.at.slice(0, 10)} and is tried again: ${failure.reason}`
  return [
    { code: 'trial:retried', message, details: { ...failure } },
    ...(await tryWriteHealing(writer, { ...healing, failed })),
  ]
}
