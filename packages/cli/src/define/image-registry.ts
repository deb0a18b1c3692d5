import type { Command } from 'commander'
import type { Action } from '../program.js'
import { networkOptions } from './options.js'

/** What a registry knows about its images. */
export function defineImageRegistryCommands(image: Command, action: Action): void {
  const tags = image
    .command('tags')
    .summary('List the tags of a repository')
    .description('List the tags of a repository at its registry, all pages of them, in its order.')
    .argument('<repository>', 'docker://HOST/REPOSITORY, without tag or digest')
    .option('--json', 'Print one JSON object, as skopeo list-tags does')
    .action(action(async () => (await import('../commands/image-tags.js')).imageTags))

  const referrers = image
    .command('referrers')
    .summary('List what refers to an image: signatures, SBOMs')
    .description(
      'List manifests that name an image as their subject: digest, type and size. Asked of the referrers API, and ' +
        'where the registry has none of the tag that stands in for it.',
    )
    .argument('<image>', 'docker://HOST/REPOSITORY:TAG, or @DIGEST; of an index, the index itself')
    .option('--artifact-type <type>', 'Only these')
    .option('--json', 'Print one JSON object')
    .action(action(async () => (await import('../commands/image-referrers.js')).imageReferrers))

  for (const command of [tags, referrers]) for (const option of networkOptions()) command.addOption(option)
}
