import { Option, type Command } from 'commander'
import type { Action } from '../program.js'
import { collect, networkOptions, parseCount, progressOptions } from './options.js'

const targets = 'docker://…, oci:PATH[:TAG], dir:PATH, or a registry name'

/** Commits as images, with the words of `ostree container`. */
export function defineOstreeContainer(ostree: Command, action: Action): void {
  const container = ostree
    .command('container')
    .summary('Make images of commits')
    .description('Make images of commits, as the ostree-ext program does.')

  const encapsulate = container
    .command('encapsulate')
    .summary('Make an image of a commit')
    .description(
      'Make an image of a commit: it can be imported as that commit again, and run as a container. Prints the ' +
        'manifest digest.\n\n' +
        'Without --contentmeta there is one layer. With it there is one for every component that it names, or, with ' +
        '--max-layers or --previous, components are packed by size, so that updates touch few layers.',
    )
    .argument('<rev>', 'ref or checksum of the commit')
    .argument('<image>', targets)
    .option('-l, --label <key=value>', 'Label; may be repeated', collect)
    .option('--config <file>', 'JSON: the config of containers, as `config` in an image config')
    .option(
      '--copymeta <key>',
      'Text in the commit’s metadata that becomes a label; may be repeated',
      collect,
    )
    .option('--copymeta-opt <key>', 'The same, where it need not be there', collect)
    .option('--cmd <word>', 'Command of containers; may be repeated', collect)
    .option('--contentmeta <file>', 'JSON: which component each file belongs to')
    .addOption(new Option('--max-layers <n>', 'Layers besides the first, at most').argParser(parseCount))
    .option('--previous <image>', 'The build before: components stay in the layers where they were')
    .option('--platform <os/arch>', 'What the image is for; default: this machine')
    .option('--created <time>', 'RFC 3339; default: the time of the commit')
  addCompression(encapsulate)
  encapsulate.action(action(async () => (await import('../ostree/container.js')).encapsulateCommit))

  const image = container
    .command('image')
    .summary('Work with images in a repository')
    .description('Work with images in a repository.')
  const exported = image
    .command('export')
    .alias('reexport')
    .summary('Make an image of one that was pulled')
    .description(
      'Make an image of one that was pulled. Layers made from a commit come out as they were; others hold the same ' +
        'files in another tar, and so have other digests.',
    )
    .argument('<stored>', 'image, as given to pull')
    .argument('<image>', targets)
  addCompression(exported)
  exported.action(action(async () => (await import('../ostree/container.js')).exportStored))

  for (const command of [encapsulate, exported]) {
    command.addOption(new Option('--repo <dir>', 'Repository').makeOptionMandatory())
    for (const option of [...networkOptions(), ...progressOptions()]) command.addOption(option)
  }
}

function addCompression(command: Command): void {
  command
    .option('--compression-fast', 'The fastest level of gzip')
    .addOption(
      new Option('--compression <kind>', 'How layers are compressed').choices(['gzip', 'zstd', 'none']),
    )
}
