import type { Command } from 'commander'
import type { Action } from '../program.js'
import { sysrootOption } from './options.js'

/** Entry points for units and other tools; not in the help. */
export function defineInternals(program: Command, action: Action): void {
  program
    .command('internals', { hidden: true })
    .summary('Entry points for units and other tools')
    .description('Entry points for units and other tools')
    .command('publish-rhsm-facts')
    .summary('Write what subscription management collects')
    .description('Write the facts that subscription management collects; printed for a --sysroot')
    .addOption(sysrootOption())
    .action(action(async () => (await import('../commands/rhsm-facts.js')).publishRhsmFacts))
}
