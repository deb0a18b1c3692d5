import type { Command } from 'commander'
import type { Action } from '../program.js'
import { sysrootOption } from './options.js'

/** `loader-entries`: what is in the boot menu. */
export function defineLoaderEntries(program: Command, action: Action): void {
  const entries = program
    .command('loader-entries')
    .helpGroup('System:')
    .summary('Boot entries: list them, boot one once, kernel arguments with owners')
    .description('Boot entries: list them, boot one once, kernel arguments with owners.')

  entries
    .command('list')
    .summary('Print the boot entries in boot order')
    .description('Print the boot entries in boot order, also such as no deployment answers to.')
    .option('--json', 'Print one JSON array')
    .addOption(sysrootOption())
    .action(action(async () => (await import('../commands/loader-entries.js')).listEntries))

  entries
    .command('set-options-for-source')
    .summary('Set the kernel arguments that a program owns')
    .description(
      'Set the kernel arguments that a program owns: those it owned before go, and other sources keep theirs.\n\n' +
        'Without --options, or with an empty text, the source is dropped. Nothing is printed when nothing changes.',
    )
    .requiredOption('--source <name>', 'Who owns them: letters, digits, "-" and "_"')
    .option('--options <kargs>', 'Arguments, separated by spaces')
    .addOption(sysrootOption())
    .action(action(async () => (await import('../commands/loader-entries.js')).setOptionsForSource))

  entries
    .command('boot-once')
    .summary('Boot an entry the next time only')
    .description(
      'Boot an entry the next time only, where the boot loader can; --clear takes the choice back.',
    )
    .argument('[entry]', 'file name of the entry, or id of its deployment')
    .option('--clear', 'Take the choice back')
    .addOption(sysrootOption())
    .action(action(async () => (await import('../commands/loader-entries.js')).bootOnce))
}
