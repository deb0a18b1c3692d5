import { MemberError } from './members.js'

const rfc3339 = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d+))?(?:Z|([+-])(\d{2}):(\d{2}))$/

/**
 * A time as Go prints it after reading it (RFC3339Nano): the fraction cut to nanoseconds and without trailing
 * zeros, the zone offset kept, an offset of zero as `Z`.
 *
 * @param what names the member, for the error
 */
export function goTime(text: string, what: string): string {
  const match = rfc3339.exec(text)
  if (match === null) throw new MemberError(`${what} is not an RFC 3339 time`)
  const [, year, month, day, hour, minute, second, fraction = '', sign, zoneHour, zoneMinute] = match
  const inRange =
    within(month, 1, 12) &&
    within(day, 1, daysOf(Number(year), Number(month))) &&
    within(hour, 0, 23) &&
    within(minute, 0, 59) &&
    within(second, 0, 59) &&
    within(zoneHour ?? '0', 0, 23) &&
    within(zoneMinute ?? '0', 0, 59)
  if (!inRange) throw new MemberError(`${what} is not a time that exists`)
  const kept = fraction.slice(0, 9).replace(/0+$/, '')
  const isUtc = sign === undefined || (zoneHour === '00' && zoneMinute === '00')
  const zone = isUtc ? 'Z' : `${sign}${zoneHour}:${zoneMinute}`
  return `${year}-${month}-${day}T${hour}:${minute}:${second}${kept === '' ? '' : `.${kept}`}${zone}`
}

function within(digits: string | undefined, min: number, max: number): boolean {
  const value = Number(digits)
  return value >= min && value <= max
}

function daysOf(year: number, month: number): number {
  return new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate()
}
