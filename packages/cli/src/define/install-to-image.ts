import { Option, type Command } from 'commander'
import type { Action } from '../program.js'
import { installOptions } from './install-options.js'
import { parseDiskSize } from './disk-size.js'
import { partitionOption } from './partition-option.js'
import { repartOption } from './repart-option.js'

/** `install to-image`. */
export function defineInstallToImage(install: Command, action: Action): void {
  const toImage = install
    .command('to-image')
    .summary('Make a disk image that boots')
    .description(
      'Make a disk image that boots, without root, loop devices or mounts. The same image and options give the same\n' +
        'bytes. xfs and btrfs take root and loop devices, and are never the same twice.',
    )
    .argument('<out>', 'file to write')
    .addOption(
      new Option(
        '--format <format>',
        'Format of the file; default: qcow2 for names ending in .qcow2, else raw',
      ).choices(['raw', 'qcow2']),
    )
    .option(
      '--config <file>',
      'Users, keys, groups, host name, files, kernel arguments and sizes (config.toml)',
    )
    .option(
      '--architecture <name>',
      'Of the image and the disk, such as arm64; default: that of this machine',
    )
    .addOption(
      new Option(
        '--boot-mode <mode>',
        'What starts the disk; default: uefi, where the architecture has it',
      ).choices([...['uefi', 'bios', 'both']]),
    )
    .addOption(
      new Option('--filesystem <type>', 'Of the root; default: ext4').choices(['ext4', 'xfs', 'btrfs']),
    )
    .addOption(size('--size <size>', 'Of the whole disk; default: room for a second image'))
    .addOption(size('--root-size <size>', 'Of the root partition; default: what --size leaves'))
    .addOption(
      size(
        '--esp-size <size>',
        'Of the EFI system partition; default: three times its content, at least 512 MiB',
      ),
    )
    .option('--xbootldr', 'Put kernels and boot entries on a partition of their own')
    .addOption(size('--xbootldr-size <size>', 'Of that partition; default: as for the EFI system partition'))
    .addOption(partitionOption())
    .addOption(repartOption())
    .addOption(new Option('--root-mount-spec <spec>', 'What root= says; an empty string leaves it out'))
    .option('--scratch <dir>', 'Directory for the system while it is made; default: that of the file')
    .action(action(async () => (await import('../commands/install-to-image.js')).installImage))
  for (const option of installOptions()) toImage.addOption(option)
}

function size(flags: string, text: string): Option {
  return new Option(flags, `${text}; as 10G, 512M or bytes`).argParser(parseDiskSize)
}
