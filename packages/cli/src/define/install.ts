import { Option, type Command } from 'commander'
import type { Action } from '../program.js'
import { collect, networkOptions, progressOptions, transportOption } from './options.js'

/** `install`: so far into a directory or a mounted file system. */
export function defineInstallCommands(program: Command, action: Action): void {
  const install = program
    .command('install')
    .helpGroup('System:')
    .summary('Install a system from an image')
    .description('Install a system from an image.')

  const toFilesystem = install
    .command('to-filesystem')
    .summary('Install into a directory or a mounted file system')
    .description(
      'Install into a directory or a mounted file system.\n\n' +
        'Writes store, deployment and boot entries; with systemd-boot also the loader of the image, on the EFI\n' +
        'system partition. Boot sectors and firmware settings are not touched.',
    )
    .argument('<dir>', 'root of the new system; it must be empty')
    .addOption(
      new Option('--store <name>', 'Where images live').choices(['ostree', 'composefs']).default('ostree'),
    )
    .addOption(
      new Option('--bootloader <name>', 'What boots them').choices(['grub', 'systemd-boot']).default('grub'),
    )
    .addOption(
      new Option(
        '--source-imgref <image>',
        'Image to install: docker://…, oci:PATH[:TAG], a signed form, or a registry name',
      ).makeOptionMandatory(),
    )
    .option('--target-imgref <image>', 'Image to follow for updates; default: the source')
    .addOption(transportOption('--target-transport <name>', 'Transport of --target-imgref'))
    .option('--enforce-container-sigpolicy', 'Require the signatures of containers-policy.json')
    .option('--karg <argument>', 'Kernel argument to add; may be repeated', collect)
    .option(
      '--karg-delete <argument>',
      'Kernel argument to leave out: key=value, or key for all; may be repeated',
      collect,
    )
    .option('--stateroot <name>', 'Name of the group of deployments that share /var', 'default')
    .option('--require-verity', 'Refuse a file system on which composefs cannot enforce fs-verity')
    .option('--root-mount-spec <spec>', 'What root= says; an empty string leaves it out')
    .action(action(async () => (await import('../commands/install.js')).installToFilesystem))
  for (const option of [...progressOptions(), ...networkOptions()]) toFilesystem.addOption(option)
}
