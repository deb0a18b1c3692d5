import { badCustomization } from '../errors.js'

const units: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
}

/** Bytes of `10 GiB`, `500MB` or a number. @throws BootcError `SYSROOT_CUSTOMIZATION_INVALID` */
export function parseSize(value: string | number, at: string): number {
  const [, digits = '', unit = ''] = /^\s*(\d{1,16})\s*([A-Za-z]*)\s*$/.exec(`${value}`) ?? []
  const factor = Object.hasOwn(units, unit.toLowerCase()) ? units[unit.toLowerCase()] : undefined
  const bytes = Number(digits) * (factor ?? NaN)
  if (digits === '' || !Number.isSafeInteger(bytes)) {
    throw badCustomization(at, `${JSON.stringify(value)} is no size as "10 GiB"`)
  }
  return bytes
}
