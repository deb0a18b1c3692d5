import { Option, type Command } from 'commander'
import type { Action } from '../program.js'
import { parseCount, sysrootOption, transferOptions, transportOption } from './options.js'

const group = 'System:'
const softReboot = (): Option =>
  new Option(
    '--soft-reboot <mode>',
    'Restart user space alone where the kernel stays: required fails where it cannot, auto reboots',
  ).choices(['required', 'auto'])
const apply = (): Option => new Option('--apply', 'Reboot when something changed')

export function defineStatus(program: Command, action: Action): void {
  program
    .command('status')
    .helpGroup(group)
    .summary('Show what is booted, staged and kept for rollback')
    .description(
      'Show what is booted, staged and kept for rollback.\n\n' +
        'Prints text on a terminal and YAML otherwise. It succeeds on systems that were not installed from an image.',
    )
    .addOption(new Option('--format <format>', 'Output format').choices(['humanreadable', 'yaml', 'json']))
    .option('--json', 'Same as --format json')
    .addOption(
      new Option('--format-version <n>', 'Version of the output: 0 and 1 both mean v1').argParser(parseCount),
    )
    .option('--booted', 'Leave out what is staged and kept for rollback')
    .addOption(sysrootOption())
    .action(action(async () => (await import('../commands/status.js')).status))
}

export function defineUpgrade(program: Command, action: Action): void {
  const upgrade = program
    .command('upgrade')
    .alias('update')
    .helpGroup(group)
    .summary('Fetch the newest image and stage it for the next boot')
    .description(
      'Fetch the newest image of what this system follows and stage it for the next boot.\n\n' +
        'Nothing that runs is changed. Exit code 0 also means that there was nothing to do.',
    )
    .addOption(
      new Option('--check', 'Only look for an update').conflicts(['apply', 'downloadOnly', 'fromDownloaded']),
    )
    .addOption(apply().conflicts(['downloadOnly']))
    .addOption(softReboot().conflicts(['check', 'downloadOnly']))
    .addOption(
      new Option('--download-only', 'Stage, but do not apply at the next reboot').conflicts([
        'fromDownloaded',
      ]),
    )
    .option('--from-downloaded', 'Apply at the next reboot what --download-only staged; needs no network')
    .option('--tag <tag>', 'Follow another tag of the same repository from now on')
    .addOption(
      new Option('--retry-failed', 'Take an image that failed on this machine all the same').conflicts([
        'fromDownloaded',
      ]),
    )
    .addOption(sysrootOption())
    .action(action(async () => (await import('../commands/upgrade.js')).upgrade))
  for (const option of transferOptions()) upgrade.addOption(option)
}

export function defineSwitch(program: Command, action: Action): void {
  const change = program
    .command('switch')
    .helpGroup(group)
    .summary('Follow another image, and stage it for the next boot')
    .description(
      'Follow another image, and stage it for the next boot. /etc and /var are kept.\n\n' +
        'With --store the system moves to another kind of store; without an image it keeps following what it\n' +
        'follows, and nothing is downloaded where the old store has it.',
    )
    .argument('[image]', 'image to follow, in the form its transport asks for')
    .addOption(new Option('--store <name>', 'Move to this store').choices(['ostree', 'composefs']))
    .option('--dry-run', 'With --store: print what it would do, and change nothing')
    .option('--json', 'With --dry-run: print one JSON object')
    .addOption(transportOption('--transport <name>', 'Where the image is'))
    .option('--enforce-container-sigpolicy', 'Require the signatures of containers-policy.json')
    .option('--retain', 'Keep the other settings of an origin that did not come from an image')
    .addOption(apply())
    .addOption(softReboot().conflicts(['store', 'mutateInPlace']))
    .addOption(new Option('--mutate-in-place', 'Only rewrite what the newest deployment follows').hideHelp())
    .addOption(new Option('--no-signature-verification', 'Accepted for compatibility').hideHelp())
    .addOption(sysrootOption())
    .action(action(async () => (await import('../commands/switch.js')).switchImage))
  for (const option of transferOptions()) change.addOption(option)
}

export function defineRollback(program: Command, action: Action): void {
  program
    .command('rollback')
    .helpGroup(group)
    .summary('Boot the previous deployment next time')
    .description(
      'Boot the previous deployment next time; a second call takes it back.\n\n' +
        'A staged update is discarded. /etc of the previous deployment is as it was.',
    )
    .addOption(apply())
    .addOption(softReboot())
    .addOption(sysrootOption())
    .action(action(async () => (await import('../commands/rollback.js')).rollback))
}

export function defineEdit(program: Command, action: Action): void {
  const edit = program
    .command('edit')
    .helpGroup(group)
    .summary('Change what the system follows by editing its specification')
    .description(
      'Change what the system follows by editing its specification (the output of `status --format yaml`).\n\n' +
        'Without --filename the document opens in $EDITOR. Only `spec` counts.',
    )
    .option('-f, --filename <file>', 'Read the edited document, YAML or JSON; - is standard input')
    .addOption(sysrootOption())
    .action(action(async () => (await import('../commands/edit.js')).edit))
  for (const option of transferOptions()) edit.addOption(option)
}

export function defineFinalize(program: Command, action: Action): void {
  program
    .command('finalize-staged')
    .helpGroup(group)
    .summary('Make the staged deployment the default, as happens at shutdown')
    .description(
      'Make the staged deployment the default: merge /etc, write boot entries and switch to them.\n\n' +
        'A service does this at shutdown; call it for a --sysroot that is not the running system.',
    )
    .addOption(sysrootOption())
    .action(action(async () => (await import('../commands/finalize.js')).finalize))
}

export function definePrune(program: Command, action: Action): void {
  program
    .command('prune')
    .helpGroup(group)
    .summary('Delete images, deployments and kernels that nothing uses')
    .description('Delete deployments, kernels, images and objects that nothing uses.')
    .addOption(sysrootOption())
    .action(action(async () => (await import('../commands/prune.js')).prune))
}
