import { Option, type Command } from 'commander'
import type { Action } from '../program.js'
import { installOptions, parseSize } from './install-options.js'
import { defineInstallToImage } from './install-to-image.js'
import { partitionOption } from './partition-option.js'
import { repartOption } from './repart-option.js'

/** `install` and what belongs to it. */
export function defineInstallCommands(program: Command, action: Action): void {
  const install = program
    .command('install')
    .helpGroup('System:')
    .summary('Install a system from an image')
    .description('Install a system from an image.')

  const toDisk = install
    .command('to-disk')
    .summary('Install on a disk')
    .description(
      'Install on a disk: partitions, file systems, loader and system. The disk is written when the system is whole.',
    )
    .argument('<device>', 'disk, or with --via-loopback a file of the size of the disk')
    .option('--wipe', 'What is on the disk may be lost')
    .option('--via-loopback', 'The disk is a file')
    .addOption(new Option('--block-setup <how>', 'How the root is stored').choices(['direct', 'tpm2-luks']))
    .addOption(
      new Option('--filesystem <type>', "Of the root; default: the image's choice, else ext4").choices([
        ...['ext4', 'xfs', 'btrfs'],
      ]),
    )
    .addOption(
      new Option(
        '--root-size <size>',
        'Of the root, in MiB or with M, G or T; default: all that is left',
      ).argParser(parseSize),
    )
    .addOption(partitionOption())
    .addOption(repartOption())
    .action(action(async () => (await import('../commands/install-to-disk.js')).installToDisk))

  const toFilesystem = install
    .command('to-filesystem')
    .summary('Install into a mounted file system or a directory')
    .description(
      'Install into a mounted file system or a directory.\n\n' +
        'The image says in bootc/install/*.toml what the options leave open. Its loader goes on the EFI system\n' +
        'partition that is mounted at boot, boot/efi or efi of the target.',
    )
    .argument('<dir>', 'root of the new system')
    .addOption(new Option('--root-mount-spec <spec>', 'What root= says; an empty string leaves it out'))
    .addOption(
      new Option('--boot-mount-spec <spec>', 'What is mounted at /boot; an empty string leaves it out'),
    )
    .addOption(replaceOption())
    .addOption(acknowledgeOption())
    .option('--skip-finalize', 'Do not trim the file system and leave it writable')
    .action(action(async () => (await import('../commands/install-to-filesystem.js')).installToFilesystem))

  const toExistingRoot = install
    .command('to-existing-root')
    .summary('Take over the system that runs here')
    .description(
      'Take over the system that runs here: the image is installed beside it and boots next. Kernels and menus in /boot\n' +
        'are replaced; the other files stay, and are at /sysroot later.',
    )
    .argument('[dir]', 'root of that system; default /target where it is there, else /')
    .addOption(replaceOption().default('alongside'))
    .addOption(acknowledgeOption())
    .option('--cleanup', 'Have the next boot delete the files of the old system')
    .action(action(async () => (await import('../commands/install-to-filesystem.js')).installToExistingRoot))

  for (const command of [toDisk, toFilesystem, toExistingRoot]) {
    command.addOption(bootModeOption())
    for (const option of installOptions()) command.addOption(option)
  }

  defineInstallToImage(install, action)

  install
    .command('finalize')
    .summary('Make the file systems of a new system ready for their first boot')
    .description(
      'Make the file systems of a new system ready for their first boot: trim, remount read-only, flush the journal.\n' +
        'What cannot be done is skipped with a warning.',
    )
    .argument('<dir>', 'root of the new system')
    .action(action(async () => (await import('../commands/install-finalize.js')).installFinalize))

  install
    .command('print-configuration')
    .summary('Print the installation settings of an image')
    .description('Print what bootc/install/*.toml of an image say, as JSON.')
    .option('--all', 'Also kernel arguments')
    .option('--root <dir>', 'Root of the image', '/')
    .action(action(async () => (await import('../commands/print-configuration.js')).printConfiguration))
}

function bootModeOption(): Option {
  return new Option('--boot-mode <mode>', 'What starts the disk; default: uefi, where there is one').choices([
    ...['uefi', 'bios', 'both'],
  ])
}

function replaceOption(): Option {
  return new Option(
    '--replace <how>',
    'What may be there: wipe deletes everything, alongside keeps all but /boot; default: it must be empty',
  ).choices(['wipe', 'alongside'])
}

function acknowledgeOption(): Option {
  return new Option('--acknowledge-destructive', 'Do not wait before the running system is overwritten')
}
