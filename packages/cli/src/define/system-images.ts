import { Option, type Command } from 'commander'
import type { Action } from '../program.js'
import { progressOptions, sysrootOption } from './options.js'

/** Images of a system, and those that its deployments are bound to. */
export function defineSystemImageCommands(image: Command, action: Action, store: () => Option): void {
  image
    .command('list')
    .summary('List images')
    .description(
      'List images: of a repository with --repo, else of the system, with the container images that the booted ' +
        'deployment is bound to (logical).',
    )
    .addOption(store())
    .addOption(new Option('--repo <dir>', 'Repository; default: the system'))
    .addOption(sysrootOption().conflicts(['repo']))
    .addOption(
      new Option('--type <type>', 'Of the system').choices(['all', 'logical', 'host']).default('all'),
    )
    .addOption(new Option('--format <format>', 'Of the system').choices(['table', 'json']).default('table'))
    .option('--json', 'Print a JSON array')
    .action(action(async () => (await import('../commands/image-list.js')).imageList))

  const copy = image
    .command('copy-to-storage')
    .summary('Copy an image of the system to podman\u2019s storage')
    .description(
      'Copy an image of the system to podman\u2019s storage of this machine, so that containers can be run from it.',
    )
    .option('--source <image>', 'An image of the system; default: the booted one')
    .option('--target <name>', 'Name in the storage; default: localhost/bootc')
    .addOption(sysrootOption())
    .action(action(async () => (await import('../commands/system-images.js')).copyToStorage))

  const pull = image
    .command('pull-from-default-storage')
    .summary('Copy a container image to the storage of bound images')
    .description(
      'Copy a container image from podman\u2019s storage of this machine to that of bound images. It stays until the ' +
        'next clean-up, and longer where a deployment is bound to it.',
    )
    .argument('<image>', 'Name in podman\u2019s storage')
    .addOption(sysrootOption())
    .action(action(async () => (await import('../commands/system-images.js')).pullFromDefaultStorage))

  for (const command of [copy, pull]) for (const option of progressOptions()) command.addOption(option)
}
