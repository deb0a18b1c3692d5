import type { MovePlan } from '@bootc-sdk/core'
import { displaySignedReference } from '@bootc-sdk/core/oci'
import { formatBytes, printable } from '../format.js'
import type { Cli } from '../io.js'
import { factLines, printWarnings } from './print-change.js'

const ways: Readonly<Record<MovePlan['way'], string>> = {
  layers: 'from the layers in the old store, nothing is downloaded',
  tree: 'from the files in the old store, nothing is downloaded',
  download: 'from where the image comes from',
}

/** `switch --store … --dry-run`. */
export async function printMovePlan(cli: Cli, plan: MovePlan, options: { json?: boolean }): Promise<void> {
  if (options.json === true) {
    const { reference, ...image } = plan.image
    await cli.out.write(
      `${JSON.stringify({ ...plan, image: { reference: displaySignedReference(reference), ...image } })}\n`,
    )
    return
  }
  await cli.out.write(
    [
      `Move ${displaySignedReference(plan.image.reference)} from ${plan.from} to ${plan.to}`,
      ...factLines(plan.image),
      `  Content: ${ways[plan.way]}`,
      ...(plan.bytesToFetch > 0 ? [`  To fetch: ${formatBytes(plan.bytesToFetch)}`] : []),
      ...(plan.freeBytes === undefined ? [] : [`  Free: ${formatBytes(plan.freeBytes)}`]),
      '  Boots next: the new deployment; it stays possible to boot:',
      ...plan.keeps.map((id) => `    ${printable(id)}`),
      'Nothing was changed.',
      '',
    ].join('\n'),
  )
  await printWarnings(cli, plan.notes)
}
