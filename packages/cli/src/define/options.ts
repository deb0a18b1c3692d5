import { InvalidArgumentError, Option } from 'commander'

/** For `--flag`, `--flag=true`, `--flag=false`. */
export function parseBool(text: string): boolean {
  if (/^(true|yes|1)$/.test(text)) return true
  if (/^(false|no|0)$/.test(text)) return false
  throw new InvalidArgumentError('Expected true or false.')
}

export function parseCount(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('Expected a number.')
  return Number(text)
}

export function parseSignedCount(text: string): number {
  if (!/^-?\d{1,15}$/.test(text)) throw new InvalidArgumentError('Expected a number.')
  return Number(text)
}

/** For options that may be repeated. */
export function collect(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), text]
}

/** `--sysroot`: the running system unless told otherwise. */
export function sysrootOption(): Option {
  return new Option('--sysroot <dir>', 'Work on the system installed below this directory').default('/')
}

/** Options of everything that talks to a registry. */
export function networkOptions(): Option[] {
  return [
    new Option('--tls-verify [bool]', 'Check certificates; false also allows plain HTTP')
      .argParser(parseBool)
      .default(true)
      .preset('true'),
    new Option('--authfile <file>', 'Credentials, in the format of containers-auth.json'),
  ]
}

/** Options of everything that fetches layers. */
export function transferOptions(): Option[] {
  return [...progressOptions(), ...networkOptions(), rateOption()]
}

export function rateOption(): Option {
  return new Option(
    '--limit-rate <rate>',
    'Bytes per second for all layers together, such as 500K or 5M (1024)',
  ).argParser(parseRate)
}

const rateUnits: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 }

/** As curl reads it. @returns bytes per second */
export function parseRate(text: string): number {
  const [, digits = '', unit = ''] = /^(\d{1,12}(?:\.\d{1,6})?)([KMG]?)$/i.exec(text) ?? []
  const rate = Math.floor(Number(digits) * rateUnits[unit.toUpperCase()]!)
  if (digits === '' || rate < 1 || !Number.isSafeInteger(rate)) {
    throw new InvalidArgumentError('Expected bytes per second, such as 500K or 5M.')
  }
  return rate
}

/** Options of everything that takes long. */
export function progressOptions(): Option[] {
  return [
    new Option('-q, --quiet', 'No progress'),
    new Option('--progress-fd <n>', 'Write progress as JSON lines to this file descriptor').argParser(
      parseCount,
    ),
  ]
}

export function transportOption(flags: string, text: string): Option {
  return new Option(flags, text)
    .choices([
      'registry',
      'oci',
      'oci-archive',
      'docker-archive',
      'containers-storage',
      'dir',
      'docker-daemon',
    ])
    .default('registry')
}
