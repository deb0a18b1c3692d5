import { InvalidArgumentError, Option, type Command } from 'commander'
import type { Action } from '../program.js'
import { collect } from './options.js'

const repo = (): Option => new Option('--repo <dir>', 'Repository')
const algorithm = (text: string): Option =>
  new Option('--algorithm <name>', text).choices(['sha256', 'sha512'])

function parseErofsVersion(text: string): number {
  if (!/^[012]$/.test(text)) throw new InvalidArgumentError('Expected 0, 1 or 2.')
  return Number(text)
}

/** Tools that share the repository could make images of format 0 and would not find them again. */
function refuseVersion0(): never {
  throw new InvalidArgumentError('Expected 1 or 2.')
}

/** `--erofs-version`, a number. */
export function erofsVersionOption(text: string): Option {
  return new Option('--erofs-version <n>', text).argParser(parseErofsVersion)
}

/** Plumbing over composefs images and repositories, with the words of composefs-info and cfsctl. */
export function defineComposefsCommands(program: Command, action: Action): void {
  const composefs = program
    .command('composefs')
    .helpGroup('Plumbing:')
    .summary('Work on composefs images and repositories')
    .description(
      'Work on composefs images and repositories, with the meanings of mkcomposefs, composefs-info and cfsctl.\n\n' +
        'IMAGE is a file; with --repo it is an image id or a name below images/refs of that repository.',
    )
  const command = (name: string, summary: string): Command =>
    composefs.command(name).summary(summary).description(`${summary}.`)

  command('mkimage', 'Make an image from a directory or from dump text')
    .argument('<source>', 'directory, or with --from-file a file of dump text (- is standard input)')
    .argument('[image]', 'file to write (- is standard output)')
    .option('--from-file', 'SOURCE is dump text')
    .addOption(erofsVersionOption('Format; default 0, or 1 when there are whiteouts'))
    .addOption(algorithm('Of the printed digest, and of objects').default('sha256'))
    .option('--print-digest', 'Print the fs-verity digest of the image')
    .option('--print-digest-only', 'Print it and write nothing')
    .option('--digest-store <dir>', 'With a directory: copy files here, by digest')
    .action(action(async () => (await import('../composefs/mkimage.js')).mkimage))

  command('dump', 'Print an image as dump text')
    .argument('<image...>')
    .addOption(repo())
    .addOption(
      new Option('--style <style>', 'As composefs-info prints it, or as cfsctl does')
        .choices(['c', 'rs'])
        .default('c'),
    )
    .action(action(async () => (await import('../composefs/dump.js')).dump))

  command('ls', 'List the files of an image')
    .argument('<image>')
    .argument('[path...]', 'only what is at or below')
    .addOption(repo())
    .action(action(async () => (await import('../composefs/ls.js')).ls))

  command('cat', 'Print files of an image')
    .argument('<image>')
    .argument('<path...>', 'regular files')
    .addOption(repo())
    .option('--basedir <dir>', 'Directory of objects, for an image in a file')
    .action(action(async () => (await import('../composefs/cat.js')).cat))

  command('diff', 'Compare two images; exit code 1 when they differ')
    .argument('<from>')
    .argument('<to>')
    .addOption(repo())
    .action(action(async () => (await import('../composefs/diff.js')).diff))

  command('objects', 'List the objects that images need')
    .argument('<image...>')
    .addOption(repo())
    .option('--missing', 'Only those that are not there')
    .option('--basedir <dir>', 'Directory of objects, for images in files')
    .action(action(async () => (await import('../composefs/objects.js')).objects))

  command('measure', 'Print the fs-verity digest of files')
    .argument('<file...>')
    .addOption(algorithm('Hash').default('sha256'))
    .action(action(async () => (await import('../composefs/measure.js')).measure))

  command('init', 'Make an empty repository')
    .addOption(repo().makeOptionMandatory())
    .addOption(algorithm('Of all objects').default('sha512'))
    .addOption(
      new Option('--erofs-version <n>', 'Format of images made in it')
        .default(1)
        .argParser((text) => (parseErofsVersion(text) === 0 ? refuseVersion0() : Number(text))),
    )
    .option('--require-verity', 'Fail where the file system has no fs-verity')
    .action(action(async () => (await import('../composefs/init.js')).init))

  command('images', 'List the images of a repository')
    .addOption(repo().makeOptionMandatory())
    .option('--json', 'Print one JSON object')
    .action(action(async () => (await import('../composefs/images.js')).images))

  command('create-image', 'Import a directory into a repository')
    .argument('<directory>')
    .argument('[name]', 'name below images/refs that keeps it')
    .addOption(repo().makeOptionMandatory())
    .option('--bootable', 'As it would be deployed: /boot and /sysroot empty, labelled')
    .action(action(async () => (await import('../composefs/create-image.js')).createImage))

  command('fsck', 'Check a repository')
    .addOption(repo().makeOptionMandatory())
    .option('--metadata-only', 'Do not read the content of objects')
    .option('--json', 'Print one JSON object')
    .action(action(async () => (await import('../composefs/fsck.js')).fsck))

  command('gc', 'Delete what nothing refers to')
    .addOption(repo().makeOptionMandatory())
    .option('-n, --dry-run', 'Only count')
    .option('-r, --root <name>', 'Also keep this image or stream; may be repeated', collect)
    .action(action(async () => (await import('../composefs/gc.js')).gc))

  const verity = composefs
    .command('verity')
    .summary('See or enable fs-verity in a repository')
    .description('See or enable fs-verity in a repository.')
  verity
    .command('status')
    .summary('Print whether the repository requires fs-verity')
    .description('Print whether the repository requires fs-verity, and whether the file system has it.')
    .addOption(repo().makeOptionMandatory())
    .action(action(async () => (await import('../composefs/verity.js')).verityStatus))
  verity
    .command('enable')
    .summary('Enable fs-verity on every object, and require it from then on')
    .description(
      'Enable fs-verity on every object, check what the kernel measures, and mark the repository as one that\n' +
        'requires it. Boot entries keep their `?` until they are written again.',
    )
    .addOption(repo().makeOptionMandatory())
    .action(action(async () => (await import('../composefs/verity.js')).verityEnable))
}
