import type { ChangeResult, ImageFacts, LayerDiff, PruneResult, Warning } from '@bootc-sdk/core'
import { displaySignedReference } from '@bootc-sdk/core/oci'
import { failureLine } from '@bootc-sdk/core/host-api'
import type { Cli } from '../io.js'
import { formatBytes, printable } from '../format.js'

/** `Queued for next boot: docker://…` with version and digest, as bootc prints after staging. */
export function queuedLines(image: ImageFacts): string[] {
  return [`Queued for next boot: ${displaySignedReference(image.reference)}`, ...factLines(image)]
}

/** `  Version: V` (when there is one) and `  Digest: D`. */
export function factLines(image: ImageFacts): string[] {
  return [
    ...(image.version === undefined ? [] : [`  Version: ${printable(image.version)}`]),
    `  Digest: ${image.manifestDigest}`,
  ]
}

export function layerDiffLines(diff: LayerDiff): string[] {
  const line = (label: string, { count, bytes }: { count: number; bytes: number }): string =>
    `${label}${String(count).padEnd(4)}  Size: ${formatBytes(bytes)}`
  return [
    line('Total new layers: ', diff.total),
    line('Removed layers:   ', diff.removed),
    line('Added layers:     ', diff.added),
  ]
}

export function prunedLines(pruned: PruneResult | undefined): string[] {
  if (pruned === undefined || (pruned.images === 0 && pruned.layers === 0 && pruned.objects === 0)) return []
  return [`Pruned images: ${pruned.images} (layers: ${pruned.layers}, objsize: ${formatBytes(pruned.bytes)})`]
}

/** What the library wants known although it succeeded; on stderr. */
export async function printWarnings(cli: Cli, warnings: readonly Warning[]): Promise<void> {
  const label =
    cli.err.isTerminal && cli.env['NO_COLOR'] === undefined ? '\u001b[33mwarning:\u001b[0m' : 'warning:'
  for (const { message, code } of warnings) await cli.err.write(`${label} ${printable(message)} [${code}]\n`)
}

/** Lines that end upgrade, switch and edit alike, by outcome. */
export function changeLines(result: ChangeResult): string[] {
  const { image } = result
  const name = image === undefined ? '' : displaySignedReference(image.reference)
  switch (result.outcome) {
    case 'update-available':
      return image === undefined
        ? ['Update available']
        : [`Update available for: ${name}`, ...factLines(image), ...diffOf(result)]
    case 'up-to-date':
      return [
        ...(image === undefined ? [] : [`No changes in ${name} => ${image.manifestDigest}`]),
        'No update available.',
      ]
    case 'staged':
    case 'deployed':
      return [
        ...(image === undefined ? [] : queuedLines(image)),
        ...diffOf(result),
        ...boundLines(result),
        ...prunedLines(result.pruned),
      ]
    case 'downloaded':
      return [
        ...(image === undefined ? [] : queuedLines(image)),
        ...diffOf(result),
        ...boundLines(result),
        ...prunedLines(result.pruned),
        'Image downloaded, but will not be applied on reboot',
      ]
    case 'already-staged':
      if (result.lockChanged === 'locked') return ['Image downloaded, but will not be applied on reboot']
      if (result.lockChanged === 'unlocked') return ['Staged deployment will now be applied on reboot']
      return ['Staged update present, not changed']
    case 'unchanged':
      return ['Image specification is unchanged.']
    case 'known-bad':
      return [
        ...(image === undefined ? [] : [`Not updating to ${name} => ${image.manifestDigest}`]),
        ...(result.failed === undefined ? [] : [`It failed here: ${printable(failureLine(result.failed))}`]),
        'A newer image will be taken; `bootc-sdk upgrade --retry-failed` tries this one again.',
      ]
  }
}

/** As bootc says it. */
export function softRebootLines({ softReboot }: { readonly softReboot?: boolean }): string[] {
  return softReboot === true ? ['Soft reboot setup complete'] : []
}

/** As bootc says it. */
export function boundLines({ boundImages }: Pick<ChangeResult, 'boundImages'>): string[] {
  return boundImages === undefined ? [] : [`Bound images stored: ${boundImages.images.length}`]
}

function diffOf(result: ChangeResult): string[] {
  return result.layerDiff === undefined ? [] : layerDiffLines(result.layerDiff)
}
