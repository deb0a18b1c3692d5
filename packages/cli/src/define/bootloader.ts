import type { Command } from 'commander'
import type { Action } from '../program.js'
import { sysrootOption } from './options.js'

/** `bootloader`: the loader's own programs. */
export function defineBootloader(program: Command, action: Action): void {
  const bootloader = program
    .command('bootloader')
    .helpGroup('System:')
    .summary('The boot loader itself: its version, and updating it')
    .description('The boot loader itself: its version, and updating it.')

  bootloader
    .command('status')
    .summary('Compare the installed boot loader with the one in the image')
    .description(
      'Compare the installed boot loader with the one that the running (else the default) deployment brings, on\n' +
        'every EFI system partition of the machine.',
    )
    .option('--json', 'Print one JSON object')
    .addOption(sysrootOption())
    .action(action(async () => (await import('../commands/bootloader.js')).bootloaderStatus))

  bootloader
    .command('update')
    .summary('Replace the installed boot loader where the image brings a newer one')
    .description(
      'Replace the installed boot loader where the running (else the default) deployment brings a newer one, on every\n' +
        'EFI system partition. Updates of the system never do this by themselves.',
    )
    .option('--json', 'Print one JSON object')
    .addOption(sysrootOption())
    .action(action(async () => (await import('../commands/bootloader.js')).updateBootloader))
}
