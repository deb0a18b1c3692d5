import type { BootcHost, HostImageStatus } from './types.js'

/**
 * What Red Hat's subscription manager collects about an image-based system: the content of
 * `/etc/rhsm/facts/bootc.facts`. Twelve keys, `bootc.SLOT.FACT`, empty text where there is nothing.
 *
 * `available` is the update that an earlier check found for the booted image.
 */
export function rhsmFacts(host: BootcHost): Readonly<Record<string, string>> {
  const { booted, staged, rollback } = host.status
  const slots: Readonly<Record<string, HostImageStatus | null | undefined>> = {
    booted: booted?.image,
    staged: staged?.image,
    rollback: rollback?.image,
    available: booted?.cachedUpdate,
  }
  const facts: Record<string, string> = {}
  for (const [slot, status] of Object.entries(slots)) {
    facts[`bootc.${slot}.image`] = status?.image.image ?? ''
    facts[`bootc.${slot}.version`] = status?.version ?? ''
    facts[`bootc.${slot}.digest`] = status?.imageDigest ?? ''
  }
  return facts
}
