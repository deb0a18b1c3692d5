import { Option, type Command } from 'commander'
import type { Action } from '../program.js'
import { parseCount, sysrootOption } from './options.js'

export function defineBootCheck(program: Command, action: Action): void {
  program
    .command('boot-check')
    .helpGroup('System:')
    .summary('Check the health of this boot, and end or fail its trial')
    .description(
      'Run the health checks below /usr/lib/bootc-sdk/check and /etc/bootc-sdk/check (and greenboot’s).\n\n' +
        'Healthy: a deployment on trial becomes the system. Not healthy: the reason is kept, and the boot loader ' +
        'falls back once the tries are used up. A service does this at every boot. Exit code 1: not healthy.',
    )
    .addOption(
      new Option('--reboot', 'Reboot when this boot is on trial and not healthy').conflicts(['onlyReport']),
    )
    .option('--only-report', 'Run the checks and change nothing')
    .addOption(new Option('--timeout <seconds>', 'Time for each check').argParser(parseCount).default(120))
    .addOption(
      new Option('--failed <reason>', 'Run no checks: this boot has failed, for this reason').conflicts([
        'onlyReport',
      ]),
    )
    .option('--json', 'Print one JSON object')
    .addOption(sysrootOption().hideHelp())
    .action(action(async () => (await import('../commands/boot-check.js')).bootCheck))
}
