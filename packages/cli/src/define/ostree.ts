import { Option, type Command } from 'commander'
import type { Action } from '../program.js'
import { defineOstreeContainer } from './ostree-container.js'
import { collect, parseCount, parseSignedCount } from './options.js'

const signTypeOption = (): Option =>
  new Option('--sign-type <type>', 'Kind of signature').choices(['ed25519', 'spki']).default('ed25519')

const repoOption = (): Option => new Option('--repo <dir>', 'Repository').makeOptionMandatory()

/** Thin plumbing over a repository, with the names, flags and output of the `ostree` program. */
export function defineOstreeCommands(program: Command, action: Action): void {
  const ostree = program
    .command('ostree')
    .helpGroup('Plumbing:')
    .summary('Work on an OSTree repository')
    .description('Work on an OSTree repository, with the meanings and output of the ostree program.')

  const command = (name: string, summary: string): Command =>
    ostree.command(name).summary(summary).description(`${summary}.`).addOption(repoOption())

  command('init', 'Make an empty repository')
    .addOption(
      new Option('--mode <mode>', 'How objects are stored')
        .choices(['bare', 'bare-user', 'bare-user-only', 'archive', 'archive-z2'])
        .default('bare'),
    )
    .action(action(async () => (await import('../ostree/init.js')).init))

  command('fsck', 'Check every object against its name')
    .option('-q, --quiet', 'Only print problems')
    .option('--delete', 'Delete damaged objects, so that a pull mends them')
    .action(action(async () => (await import('../ostree/fsck.js')).fsck))

  command('ls', 'List files of a commit')
    .argument('<commit>', 'commit checksum or ref')
    .argument('[path...]', 'below the root of the commit')
    .option('-d, --dironly', 'Do not list what a directory holds')
    .option('-R, --recursive', 'Also list directories below')
    .option('-C, --checksum', 'Print checksums')
    .option('-X, --xattrs', 'Print extended attributes')
    .option('--nul-filenames-only', 'Print only names, each ended by NUL')
    .action(action(async () => (await import('../ostree/ls.js')).ls))

  command('cat', 'Print files of a commit')
    .argument('<commit>', 'commit checksum or ref')
    .argument('<path...>', 'regular files')
    .action(action(async () => (await import('../ostree/cat.js')).cat))

  command('log', 'Show a commit and those before it')
    .argument('<commit>', 'commit checksum or ref')
    .action(action(async () => (await import('../ostree/log.js')).log))

  command('show', 'Show one commit')
    .argument('<commit>', 'commit checksum or ref')
    .option('--print-metadata-key <key>', 'Print the value of one metadata key')
    .option('--print-detached-metadata-key <key>', 'The same for detached metadata')
    .option('--list-metadata-keys', 'Print the names of metadata keys')
    .action(action(async () => (await import('../ostree/log.js')).show))

  command('refs', 'List, make or delete refs')
    .argument('[prefix...]', 'only refs below this name')
    .option('--list', 'Print whole names, also with a prefix')
    .option('-r, --revision', 'Also print what they point at')
    .option('--delete', 'Delete refs with this prefix')
    .option('--create <ref>', 'Make a ref; the argument is the commit or ref it shall point at')
    .option('--force', 'With --create: overwrite')
    .action(action(async () => (await import('../ostree/refs.js')).refs))

  command('rev-parse', 'Print the checksum that a ref means')
    .argument('<rev...>', 'ref, remote:ref, unique prefix of a checksum, each with any number of ^')
    .action(action(async () => (await import('../ostree/refs.js')).revParse))

  command('checkout', 'Write the files of a commit into a directory')
    .argument('<commit>', 'commit checksum or ref')
    .argument('<destination>', 'directory to make')
    .option('-U, --user-mode', 'Do not restore owners and extended attributes')
    .option('-H, --require-hardlinks', 'Fail rather than copy')
    .option('-C, --force-copy', 'Copy rather than link')
    .option('--union', 'Overwrite files that are there')
    .option('--union-add', 'Keep files that are there')
    .option('--union-identical', 'Accept only files that are equal')
    .option('--whiteouts', 'Let .wh.NAME delete NAME')
    .option('--subpath <path>', 'Only this file or directory')
    .action(action(async () => (await import('../ostree/checkout.js')).checkout))

  command('diff', 'Compare two commits')
    .argument('<from>', 'commit checksum or ref; alone: its parent against it')
    .argument('[to]', 'commit checksum or ref')
    .action(action(async () => (await import('../ostree/diff.js')).diff))

  command('commit', 'Make a commit')
    .argument('[path]', 'directory to commit; default: the working directory')
    .option('-b, --branch <ref>', 'Ref to point at the new commit')
    .option('--orphan', 'Make no ref')
    .option('-s, --subject <text>', 'One line')
    .option('-m, --body <text>', 'More lines')
    .option('--parent <commit>', 'Parent commit, or none')
    .option(
      '--tree <kind=source>',
      'dir=PATH, tar=FILE or ref=COMMIT; may be repeated, later ones on top',
      collect,
    )
    .option('--owner-uid <n>', 'Owner of everything', parseCount)
    .option('--owner-gid <n>', 'Group of everything', parseCount)
    .option('--no-xattrs', 'Leave extended attributes out')
    .option('--canonical-permissions', 'Owner root, modes 0755 and 0644')
    .option('--timestamp <time>', 'Time of the commit: @SECONDS or RFC 3339')
    .option('--add-metadata-string <key=value>', 'Metadata; may be repeated', collect)
    .action(action(async () => (await import('../ostree/commit.js')).commit))

  command('pull-local', 'Copy commits from another repository on this machine')
    .argument('<source>', 'directory of the other repository')
    .argument('[ref...]', 'refs or commits; default: all refs')
    .option('--remote <name>', 'Prefix for the refs made here')
    .option('--gpg-verify', 'Demand OpenPGP signatures by keys of that remote')
    .option('--disable-sign-verify', 'Do not verify what sign-verify of that remote asks for')
    .option('--untrusted', 'Read and check every object instead of linking it')
    .option('--depth <n>', 'How many parents to take; -1 all', parseSignedCount)
    .action(action(async () => (await import('../ostree/pull.js')).pullLocal))

  command('pull', 'Copy commits from an archive repository over HTTP')
    .argument('<remote>', 'name of a remote in the configuration')
    .argument('[ref...]', 'refs or commits; default: the branches of the remote')
    .option('--no-static-deltas', 'Fetch every object by itself')
    .option('--mirror', 'Make the refs as they are called there, and take the summary too')
    .option('--depth <n>', 'How many parents to take; -1 all', parseSignedCount)
    .action(action(async () => (await import('../ostree/pull.js')).pull))

  const remote = ostree
    .command('remote')
    .summary('Write down where to pull from')
    .description('Write down where to pull from.')
  remote
    .command('add')
    .summary('Add a remote')
    .description('Add a remote.')
    .argument('<name>', 'what to call it')
    .argument('<url>', 'archive repository: http:, https: or file:')
    .option('--no-gpg-verify', 'Do not ask for OpenPGP signatures')
    .option('--gpg-import <file>', 'OpenPGP keys to trust; may be repeated', collect)
    .option('--sign-verify <type=key>', 'ed25519 or spki=inline:KEY or file:PATH; may be repeated', collect)
    .option('--set <key=value>', 'Another key of its configuration; may be repeated', collect)
    .addOption(repoOption())
    .action(action(async () => (await import('../ostree/remote.js')).remoteAdd))
  remote
    .command('delete')
    .summary('Forget a remote')
    .description('Forget a remote.')
    .argument('<name>', 'what it is called')
    .addOption(repoOption())
    .action(action(async () => (await import('../ostree/remote.js')).remoteDelete))

  command('prune', 'Delete objects that nothing refers to')
    .option('--refs-only', 'Only refs keep commits')
    .option('--no-prune', 'Only count')
    .option('--depth <n>', 'How many parents to keep; -1 all', parseSignedCount, -1)
    .action(action(async () => (await import('../ostree/prune.js')).prune))

  command('summary', 'Write or show the summary file')
    .option('-u, --update', 'Write it from the refs')
    .option('--view', 'Show it (also -v)')
    .option('--sign <key>', 'Sign it with this secret key, in base64; may be repeated', collect)
    .addOption(signTypeOption())
    .action(action(async () => (await import('../ostree/summary.js')).summary))

  command('sign', 'Sign a commit, or verify its signatures')
    .argument('<commit>', 'commit checksum or ref')
    .argument('[key...]', 'in base64: secret keys to sign with, public ones for --verify and --delete')
    .option('--verify', "Demand a good signature by one of the keys; without keys, by the system's")
    .option('-d, --delete', 'Delete signatures by these keys; without keys, all of the type')
    .addOption(signTypeOption())
    .option('--keys-file <path>', 'Read keys from this file')
    .option('--keys-dir <path>', "Instead of the system's directories with trusted and revoked keys")
    .action(action(async () => (await import('../ostree/sign.js')).sign))

  defineStaticDeltas(ostree, action)
  defineOstreeContainer(ostree, action)

  command('config', 'Read or change the configuration')
    .argument('<operation>', 'get, set or unset')
    .argument('<key>', 'group.key')
    .argument('[value]', 'for set')
    .action(action(async () => (await import('../ostree/config.js')).config))
}

function defineStaticDeltas(ostree: Command, action: Action): void {
  const deltas = ostree
    .command('static-delta')
    .summary('Make and use differences between two commits')
    .description('Make and use differences between two commits. Needs the program xz.')
  const command = (name: string, summary: string): Command =>
    deltas.command(name).summary(summary).description(`${summary}.`).addOption(repoOption())
  const load = async () => import('../ostree/static-delta.js')

  command('list', 'List deltas').action(action(async () => (await load()).list))
  command('show', 'Show what a delta consists of')
    .argument('<delta>', 'FROM-TO, TO, or a file')
    .action(action(async () => (await load()).show))
  command('generate', 'Make a delta')
    .argument('<to>', 'commit or ref that it leads to')
    .option('--from <rev>', 'commit or ref that it starts from; default: the parent')
    .option('--empty', 'Start from nothing')
    .option('-n, --if-not-exists', 'Do nothing when it is there')
    .option(
      '--min-fallback-size <mb>',
      'Larger new files are fetched as they are; 0: none (default 4)',
      parseCount,
    )
    .option('--max-chunk-size <mb>', 'Size at which a part is closed (default 32)', parseCount)
    .option('--sign <key>', 'Sign it with this secret key, in base64; may be repeated', collect)
    .addOption(signTypeOption())
    .option('--keys-file <path>', 'Sign it with the keys of this file')
    .action(action(async () => (await load()).generate))
  command('apply-offline', 'Make the objects of a delta that is on this machine')
    .argument('<path>', 'directory, superblock, or file with everything')
    .argument('[key...]', 'public keys, in base64: it must be signed by one of them')
    .addOption(signTypeOption())
    .option('--keys-file <path>', 'The same with the keys of this file')
    .option('--keys-dir <path>', 'The same with the trusted and revoked keys of this directory')
    .action(action(async () => (await load()).applyOffline))
  command('verify', 'Verify the signatures of a delta')
    .argument('<delta>', 'FROM-TO, TO, or a file')
    .argument('[key...]', "public keys, in base64; without any, the system's")
    .addOption(signTypeOption())
    .option('--keys-file <path>', 'Read keys from this file')
    .option('--keys-dir <path>', "Instead of the system's directories with trusted and revoked keys")
    .action(action(async () => (await load()).verify))
  command('delete', 'Delete a delta')
    .argument('<delta>', 'FROM-TO or TO')
    .action(action(async () => (await load()).remove))
  command('reindex', 'Write the lists of deltas by commit').action(action(async () => (await load()).reindex))
}
