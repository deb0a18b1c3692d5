import { InvalidArgumentError, Option } from 'commander'
import { collect, transferOptions, transportOption } from './options.js'

/** Of everything that installs an image: what, what is followed later, and how it is set up. */
export function installOptions(): Option[] {
  return [
    new Option(
      '--source-imgref <image>',
      'Image to install: docker://…, oci:PATH[:TAG], a signed form, or a registry name; default: the container that this runs in',
    ),
    new Option('--target-imgref <image>', 'Image to follow for updates; default: the source'),
    transportOption('--target-transport <name>', 'Transport of --target-imgref'),
    new Option('--enforce-container-sigpolicy', 'Require the signatures of containers-policy.json'),
    new Option('--run-fetch-check', 'Look first whether the image to follow can be fetched'),
    new Option('--skip-fetch-check', 'Has no effect').hideHelp(),
    new Option(
      '--store <name>',
      'Where images live; default: ostree, for images with a unified kernel image composefs',
    ).choices(['ostree', 'composefs']),
    new Option('--composefs-backend', 'The same as --store composefs'),
    new Option('--allow-missing-verity', 'Do not demand fs-verity of the files of the system (composefs)'),
    new Option('--require-verity', 'Refuse a file system on which composefs cannot enforce fs-verity'),
    new Option(
      '--uki-addon <name>',
      'Addon of the unified kernel image to install; may be repeated',
    ).argParser(collect),
    new Option('--bootloader <name>', 'What boots it; default: what the image brings').choices([
      ...['grub', 'systemd', 'none', 'systemd-boot', 'grub-cc'],
    ]),
    new Option('--bootupd-skip-boot-uuid', 'Have bootupd not name the boot file system by its UUID'),
    new Option('--generic-image', 'For more than this machine: no firmware settings, no random seed'),
    new Option('--stateroot <name>', 'Name of the group of deployments that share /var; default: default'),
    new Option('--karg <argument>', 'Kernel argument to add; may be repeated').argParser(collect),
    new Option(
      '--karg-delete <argument>',
      'Kernel argument to leave out: key=value, or key for all; may be repeated',
    ).argParser(collect),
    new Option('--disable-selinux', 'Switch SELinux off in the new system'),
    new Option('--root-ssh-authorized-keys <file>', 'Keys that may log in as root'),
    new Option(
      '--bound-images <mode>',
      'Container images that the image is bound to: from the storage of this machine (stored), from their registries (pull), or none (skip)',
    )
      .choices(['stored', 'pull', 'skip'])
      .default('stored'),
    new Option('--json', 'Print what was made as one JSON object'),
    ...transferOptions(),
  ]
}

const units: Readonly<Record<string, number>> = { M: 20, MiB: 20, G: 30, GiB: 30, T: 40, TiB: 40 }

/** `--root-size`: MiB without a unit, as bootc counts. @returns bytes */
export function parseSize(text: string): number {
  const [, digits = '', unit = 'M'] = /^(\d{1,12})(M|MiB|G|GiB|T|TiB)?$/.exec(text) ?? []
  const bytes = Number(digits) * 2 ** units[unit]!
  if (digits === '' || bytes <= 0 || !Number.isSafeInteger(bytes)) {
    throw new InvalidArgumentError('Expected a number of MiB, or with M, G or T.')
  }
  return bytes
}
