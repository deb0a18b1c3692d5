import { Option, type Command } from 'commander'
import type { Action } from '../program.js'
import { collect, sysrootOption } from './options.js'

/** Entry points for units and other tools; not in the help. */
export function defineInternals(program: Command, action: Action): void {
  const internals = program
    .command('internals', { hidden: true })
    .summary('Entry points for units and other tools')
    .description('Entry points for units and other tools')
  internals
    .command('publish-rhsm-facts')
    .summary('Write what subscription management collects')
    .description('Write the facts that subscription management collects; printed for a --sysroot')
    .addOption(sysrootOption())
    .action(action(async () => (await import('../commands/rhsm-facts.js')).publishRhsmFacts))
  internals
    .command('prep-soft-reboot')
    .summary('Prepare a restart of user space alone')
    .description('Prepare a restart of user space alone into a deployment, or take that back')
    .argument('[deployment]', 'as status names it: checksum and serial, or the id of its image')
    .addOption(new Option('--reboot', 'Restart at once').conflicts(['reset']))
    .option('--reset', 'Take back what was prepared')
    .addOption(sysrootOption())
    .action(action(async () => (await import('../commands/prep-soft-reboot.js')).prepSoftReboot))
  internals
    .command('install-units')
    .summary('Write systemd units and settings into an image')
    .description(
      'Write the systemd units, generator, initramfs module and settings of bootc-sdk into the root of an image, or into a directory that an image build copies in. Repeatable',
    )
    .argument('<root>', 'root directory of the image')
    .option('--enable-auto-update', 'Enable the timer that fetches and applies updates')
    .option('--disable-auto-update', 'Take that back')
    .addOption(new Option('--only <piece>', 'Only this; may be repeated').argParser(collect))
    .addOption(
      new Option(
        '--initramfs <generator>',
        'What makes its initramfs; may be repeated; default what is there',
      )
        .choices(['dracut', 'initramfs-tools', 'mkinitcpio'])
        .argParser(collect),
    )
    .option('--command-path <path>', 'Where the image has the command', '/usr/bin/bootc-sdk')
    .action(action(async () => (await import('../commands/install-units.js')).installUnits))
}
