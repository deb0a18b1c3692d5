import { Option, type Command } from 'commander'
import type { Action } from '../program.js'
import { defineImageRegistryCommands } from './image-registry.js'
import { networkOptions, parseCount, progressOptions, rateOption } from './options.js'

const sources =
  'docker://…, oci:PATH[:TAG], oci-archive:…, dir:…, docker-archive:…, containers-storage:…, or a registry name'

/** Images between places, without any store. */
export function defineImageTransferCommands(image: Command, action: Action): void {
  const copy = image
    .command('copy')
    .summary('Copy an image to a registry, a layout, an archive or a directory')
    .description(
      'Copy an image to a registry, a layout, an archive or a directory. Bytes and digests stay; what is there ' +
        'already is not copied, and a registry takes layers over from its other repositories by itself. ' +
        'containers-policy.json is asked about the source, where there is one.',
    )
    .argument('<source>', sources)
    .argument(
      '<target>',
      'docker://…, oci:PATH[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:NAME:TAG], dir:PATH, or a registry name',
    )
    .option('--platform <os/arch>', 'Of an image with several, such as linux/arm64; default: this machine’s')
    .option('-a, --all', 'Of an index, all platforms: the same as --multi-arch all')
    .addOption(
      new Option('--multi-arch <which>', 'Of an index: one image, all, or the index alone').choices([
        ...['system', 'all', 'index-only'],
      ]),
    )
    .option('--referrers', 'Between registries: signatures, SBOMs and what else refers to it, too')
    .option('--enforce-container-sigpolicy', 'Fail unless containers-policy.json verifies the source')
    .option('--insecure-policy', 'Ask no containers-policy.json')
    .addOption(new Option('--parallel <n>', 'Layers at a time').argParser(parseCount).default(6))
    .option('--json', 'Print one JSON object')
    .action(action(async () => (await import('../commands/image-copy.js')).imageCopy))

  const promote = image
    .command('promote')
    .summary('Give an image of a registry another name there, without download')
    .description(
      'Give an image of a registry another name there, in the same repository or another, by its digest. Nothing is ' +
        'downloaded; where the registry cannot take layers over by itself the command fails.',
    )
    .argument('<source>', 'docker://HOST/REPOSITORY:TAG, or @DIGEST')
    .argument('<target>', 'docker://HOST/REPOSITORY:TAG, at the same registry')
    .option('--referrers', 'Signatures, SBOMs and what else refers to it, too')
    .option('--insecure-policy', 'Ask no containers-policy.json')
    .option('--json', 'Print one JSON object')
    .action(action(async () => (await import('../commands/image-copy.js')).imagePromote))

  const rechunk = image
    .command('rechunk')
    .summary('Copy an image in layers that an update touches few of')
    .description(
      'Copy an image in other layers: files that change together share one, so that an update touches few. Packages ' +
        'say what belongs together where the image has a database of them, else directories and sizes do. The file ' +
        'system stays the same; the same image gives the same bytes.',
    )
    .argument('<source>', sources)
    .argument(
      '<target>',
      'docker://…, oci:PATH[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:NAME:TAG], dir:PATH, or a registry name',
    )
    .addOption(new Option('--max-layers <n>', 'At most as many layers').argParser(parseCount).default(64))
    .option('--previous <image>', 'What went out before: its layers stay where they can')
    .addOption(
      new Option('--compression <name>', 'Default: zstd where a layer of the source is, else gzip').choices([
        'gzip',
        'zstd',
        'none',
      ]),
    )
    .addOption(
      new Option('--source-date-epoch <seconds>', 'Times after it become it; default: times stay').argParser(
        parseCount,
      ),
    )
    .option('--platform <os/arch>', 'Of an image with several, such as linux/arm64; default: this machine’s')
    .option('--enforce-container-sigpolicy', 'Ask containers-policy.json about the source first')
    .option('--tmpdir <dir>', 'Room for the whole file system while it is sorted; default: /var/tmp')
    .option('--json', 'Print one JSON object')
    .action(action(async () => (await import('../commands/image-rechunk.js')).imageRechunk))

  const inspect = image
    .command('inspect')
    .summary('Show an image without pulling it')
    .description('Show manifest and config of an image without pulling it, as JSON.')
    .argument('<image>', sources)
    .option('--raw', 'The manifest, byte for byte')
    .option('--config', 'The config, byte for byte')
    .option('--platform <os/arch>', 'Of an image with several; default: this machine’s')
    .action(action(async () => (await import('../commands/image-inspect.js')).imageInspect))

  for (const command of [copy, promote, rechunk, inspect])
    for (const option of networkOptions()) command.addOption(option)
  for (const command of [copy, rechunk]) {
    for (const option of [...progressOptions(), rateOption()]) command.addOption(option)
  }
  defineImageRegistryCommands(image, action)
}
