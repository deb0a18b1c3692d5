import { Command, Option } from 'commander'
import { createRequire } from 'node:module'
import type { Cli } from './io.js'
import {
  defineEdit,
  defineFinalize,
  definePrune,
  defineRollback,
  defineStatus,
  defineSwitch,
  defineUpgrade,
} from './define/host.js'
import { defineBootloader } from './define/bootloader.js'
import { defineComposefsCommands } from './define/composefs.js'
import { defineBootCheck } from './define/health.js'
import { defineImageCommands } from './define/image.js'
import { defineInstallCommands } from './define/install.js'
import { defineInternals } from './define/internals.js'
import { defineKargs } from './define/kargs.js'
import { defineLoaderEntries } from './define/loader-entries.js'
import { defineOstreeCommands } from './define/ostree.js'

/** What a command module exports: it prints through `cli` and may answer with an exit code. */
export type Run = (cli: Cli, options: never, ...args: never[]) => Promise<number | void>

/** Makes a handler that loads the command's module only when it is called: start-up stays light. */
export type Action = (load: () => Promise<Run>) => (...args: unknown[]) => Promise<void>

/** Top-level commands, in the order of the help. */
const definitions: ReadonlyMap<string, (program: Command, action: Action) => void> = new Map([
  ['status', defineStatus],
  ['upgrade', defineUpgrade],
  ['switch', defineSwitch],
  ['rollback', defineRollback],
  ['edit', defineEdit],
  ['kargs', defineKargs],
  ['loader-entries', defineLoaderEntries],
  ['bootloader', defineBootloader],
  ['finalize-staged', defineFinalize],
  ['boot-check', defineBootCheck],
  ['prune', definePrune],
  ['install', defineInstallCommands],
  ['image', defineImageCommands],
  ['ostree', defineOstreeCommands],
  ['composefs', defineComposefsCommands],
  ['internals', defineInternals],
])

/**
 * The tree of commands with their options; nothing of the library is loaded for it.
 *
 * @param result receives the exit code of the command that ran
 * @param args when they begin with a command's name, only that one is defined: the others would be a tenth of
 *   the time that `status` takes
 */
export function buildProgram(cli: Cli, result: { code: number }, args: readonly string[] = []): Command {
  const program = new Command('bootc-sdk')
    .description('Bootable OCI containers: install, update and inspect image-based systems')
    .version(`bootc-sdk ${version()}`, '--version', 'Print the version')
    .option('-v, --verbose', 'More detail; for errors, the whole chain of causes')
    .addOption(
      new Option('--native <when>', 'Use the native addon: auto (when it is built) or off')
        .choices(['auto', 'off'])
        .default('auto'),
    )
    .showHelpAfterError('(add --help for the options)')
    .configureHelp({
      showGlobalOptions: true,
      sortSubcommands: false,
      helpWidth: Math.min(cli.out.columns, 100),
    })
    .configureOutput({
      writeOut: (text) => void cli.out.write(text),
      writeErr: (text) => void cli.err.write(text),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .exitOverride()

  const action: Action =
    (load) =>
    async (...args) => {
      const command = args.at(-1) as Command
      const options = command.optsWithGlobals()
      // Read by the addon's loader when core is first imported.
      if (options['native'] === 'off') process.env['BOOTC_SDK_NATIVE'] = '0'
      if (typeof options['progressFd'] === 'number') {
        const { checkProgressFd } = await import('./progress/progress-fd.js')
        checkProgressFd(options['progressFd'])
      }
      const run = (await load()) as unknown as (...values: unknown[]) => Promise<number | void>
      result.code = (await run(cli, options, ...(command.processedArgs as unknown[]))) ?? 0
    }

  const only = definitions.get(args[0] ?? '')
  if (only !== undefined) {
    only(program, action)
    return program
  }
  for (const define of definitions.values()) define(program, action)
  program.commandsGroup('Other:')
  program
    .command('completion')
    .summary('Print a completion script')
    .description('Print a completion script, to be sourced by the shell')
    .argument('<shell>', 'bash, zsh or fish')
    .action(
      action(async () => {
        const { completion } = await import('./commands/completion.js')
        return (_cli, _options, shell) => completion(cli, program, shell)
      }),
    )
  program
    .helpCommand(false)
    .command('help')
    .summary('Explain a command')
    .description('Explain a command.')
    .argument('[command...]', 'such as `image pull`')
    .action((names: readonly string[]) => {
      let found: Command | undefined = program
      for (const name of names)
        found = found?.commands.find((one) => one.name() === name || one.aliases().includes(name))
      // Throws, as every way to print help does here.
      if (found !== undefined) found.help()
      program.error(`error: unknown command '${names.join(' ')}'`, { code: 'commander.unknownCommand' })
    })
  program.addHelpText(
    'after',
    `
Examples:
  bootc-sdk status
  bootc-sdk upgrade --check
  bootc-sdk install to-filesystem --source-imgref docker://registry.example/os:1 --karg quiet /mnt
  bootc-sdk switch --sysroot /mnt registry.example/os:2
  bootc-sdk image pull oci:./layout:latest --repo ./repo --init bare-user --json`,
  )
  return program
}

function version(): string {
  const require = createRequire(import.meta.url)
  return (require('../package.json') as { version: string }).version
}
