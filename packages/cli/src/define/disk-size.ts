import { InvalidArgumentError } from 'commander'

const powers: Readonly<Record<string, number>> = { '': 0, K: 10, M: 20, G: 30, T: 40 }
const mebibyte = 2 ** 20

/** Bytes of `10G`, `10GiB`, `512M` or a number of bytes, up to the next MiB. */
export function parseDiskSize(text: string): number {
  const [, digits = '', unit = ''] = /^(\d{1,15})(?:([KMGT])(?:iB)?)?$/.exec(text) ?? []
  const bytes = Math.ceil((Number(digits) * 2 ** powers[unit]!) / mebibyte) * mebibyte
  if (digits === '' || bytes <= 0 || !Number.isSafeInteger(bytes)) {
    throw new InvalidArgumentError('Expected a size as 10G, 512M or a number of bytes.')
  }
  return bytes
}
