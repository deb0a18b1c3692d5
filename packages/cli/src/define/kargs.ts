import { Option, type Command } from 'commander'
import type { Action } from '../program.js'
import { collect, sysrootOption } from './options.js'

const many = (flags: string, text: string): Option => new Option(flags, text).argParser(collect)

/** `kargs`: this machine's own kernel arguments. */
export function defineKargs(program: Command, action: Action): void {
  program
    .command('kargs')
    .helpGroup('System:')
    .summary('Show or change the kernel arguments of this machine')
    .description(
      'Show or change the kernel arguments of this machine; they survive updates.\n\n' +
        'Without options for a change the arguments of what boots next are printed. A change is staged for the next\n' +
        'boot; with composefs, and on a --sysroot that is not running, the boot entry has it at once. Deletions are\n' +
        'applied first, then replacements, then additions.',
    )
    .addOption(many('--append <karg>', 'Add at the end'))
    .addOption(many('--append-if-missing <karg>', 'Add unless it is there with this value'))
    .addOption(many('--delete <karg>', 'Delete KEY=VALUE, or KEY when it has one value'))
    .addOption(many('--delete-if-present <karg>', 'Delete if it is there'))
    .addOption(many('--replace <karg>', 'Replace: KEY=NEW, or KEY=OLD=NEW when the key has several values'))
    .option('--editor', 'Open the arguments in $EDITOR, one a line')
    .option('--from-etc', 'Take over what /etc/bootc/kargs.d says now, as the next update would')
    .option('--json', 'Print one JSON object')
    .addOption(sysrootOption())
    .action(action(async () => (await import('../commands/kargs.js')).kargs))
}
