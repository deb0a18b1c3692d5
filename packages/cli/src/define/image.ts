import { Option, type Command } from 'commander'
import type { Action } from '../program.js'
import { erofsVersionOption } from './composefs.js'
import { defineImageTransferCommands } from './image-transfer.js'
import { networkOptions, transferOptions } from './options.js'
import { defineSystemImageCommands } from './system-images.js'

const store = (): Option =>
  new Option('--store <name>', 'Kind of store').choices(['ostree', 'composefs']).default('ostree')
const repo = (): Option => new Option('--repo <dir>', 'Repository').makeOptionMandatory()

/** Images in a store, without any system around it. */
export function defineImageCommands(program: Command, action: Action): void {
  const image = program
    .command('image')
    .helpGroup('Images:')
    .summary('Pull, copy, inspect, verify, list and remove images')
    .description(
      'Pull, list and remove images in a store, without a system around it; copy and inspect them where they are; ask ' +
        'the policy about them.',
    )

  const pull = image
    .command('pull')
    .summary('Import an image')
    .description(
      'Import an image: fetch what the store does not have, and flatten it.\n\n' +
        'Layers that are there already, under their digest or under that of their content, are not fetched.\n\n' +
        'A composefs repository is made where there is none, with sha512 and format 1 unless told otherwise. With ' +
        '--erofs-version an image of another format than that of the repository is made besides, and its id is ' +
        'printed; a new repository has format 2 when that is asked for, and format 1 otherwise.',
    )
    .argument(
      '<image>',
      'docker://…, oci:PATH[:TAG], oci-archive:…, dir:…, a signed form, or a registry name',
    )
    .addOption(store())
    .addOption(repo())
    .addOption(
      new Option('--init <mode>', 'ostree: make the repository when there is none').choices([
        'bare',
        'bare-user',
        'bare-user-only',
        'archive',
      ]),
    )
    .addOption(
      new Option('--algorithm <name>', 'composefs: hash of the repository').choices(['sha256', 'sha512']),
    )
    .addOption(erofsVersionOption('composefs: format of the image'))
    .option('--bootable', 'composefs: make the image that boots, too')
    .option('--json', 'Print one JSON object')
    .action(action(async () => (await import('../commands/image-pull.js')).imagePull))
  for (const option of transferOptions()) pull.addOption(option)

  const verify = image
    .command('verify')
    .summary('Ask the policy about an image')
    .description(
      'Ask containers-policy.json about an image, as --enforce-container-sigpolicy does: manifest and signatures ' +
        'are fetched, layers are not. Fails when the image is refused, and when the policy would accept anything.',
    )
    .argument('<image>', 'as given to pull')
    .option('--policy <file>', 'Another policy than that of this machine')
    .option('--key <file>', 'Ask no policy: is there a cosign signature by this public key? Also of cosign 3')
    .option('--json', 'Print one JSON object')
    .action(action(async () => (await import('../commands/image-verify.js')).imageVerify))
  for (const option of networkOptions()) verify.addOption(option)

  defineImageTransferCommands(image, action)

  defineSystemImageCommands(image, action, store)

  image
    .command('history')
    .summary('Show the layers of an image')
    .description('Show the layers of a stored image, the lowest first, and what made them.')
    .argument('<image>', 'as given to pull')
    .addOption(store())
    .addOption(repo())
    .action(action(async () => (await import('../commands/image-history.js')).imageHistory))

  image
    .command('remove')
    .summary('Drop the name of an image')
    .description(
      'Drop the name of an image. Content that nothing else uses goes with --prune or at the next prune.',
    )
    .argument('<image...>', 'as given to pull')
    .addOption(store())
    .addOption(repo())
    .option('--prune', 'Delete what is not used any more')
    .action(action(async () => (await import('../commands/image-remove.js')).imageRemove))
}
