import { healingTables } from './healing.js'
import type { BootcHost, HostBootEntry, HostImageReference, HostImageStatus } from './types.js'

type Slot = 'staged' | 'booted' | 'default' | 'rollback' | 'other'

const names: Readonly<Record<Slot, string>> = {
  staged: '  Staged',
  booted: '● Booted',
  default: '  Default',
  rollback: '  Rollback',
  other: '   Other',
}

/**
 * Status for people, as `bootc status` prints it on a terminal (bootc.md §6). Where nothing is booted (a
 * directory, another machine's disk) the default deployment comes in the booted one's place.
 *
 * @returns lines, each with its newline
 */
export function formatHuman(host: BootcHost, options: { verbose?: boolean } = {}): string {
  const { staged, booted, rollback, otherDeployments = [] } = host.status
  const inDefault = booted === null ? otherDeployments.slice(0, 1) : []
  const others = otherDeployments.slice(inDefault.length)
  const slots: (readonly [Slot, HostBootEntry | null])[] = [
    ['staged', staged],
    ['booted', booted],
    ...inDefault.map((entry) => ['default', entry] as const),
    ['rollback', rollback],
    ...others.map((entry) => ['other', entry] as const),
  ]
  const blocks = slots.flatMap(([slot, entry]) =>
    entry === null ? [] : [formatEntry(host, slot, entry, options.verbose === true)],
  )
  if (blocks.length === 0) return 'System is not deployed via bootc.\n'
  blocks.push(...healingTables(host.status.healing).map(([title, value, rows]) => table(title, value, rows)))
  return blocks.map((lines) => lines.map((line) => `${line}\n`).join('')).join('\n')
}

function formatEntry(host: BootcHost, slot: Slot, entry: HostBootEntry, verbose: boolean): string[] {
  const { image, ostree, composefs } = entry
  const name = names[slot]
  if (image === null) {
    if (ostree !== null) return table(`${name} ostree`, undefined, ostreeRows(slot, entry, verbose))
    if (composefs !== null) return table(`${name} composefs`, composefs.verity, [])
    return [`Current ${slot} state is unknown`]
  }
  const rows: Row[] = [
    ['Digest', `${image.imageDigest} (${image.architecture})`],
    ...optional('Verity', composefs?.verity),
    ...versionRow('Version', 'Timestamp', image),
    ...optional('Pinned', entry.pinned ? 'yes' : undefined),
    ...updateRows(image, entry.cachedUpdate),
    ...(slot === 'booted' ? overlayRow(host) : []),
    ...(verbose ? verboseRows(slot, entry, image) : []),
  ]
  return table(`${name} image`, referenceText(image.image), rows)
}

type Row = readonly [label: string, value: string]

/** Labels end where the first line's ends. Widths count characters, so the bullet is one column. */
function table(title: string, value: string | undefined, rows: readonly Row[]): string[] {
  const width = [...title].length
  return [
    value === undefined ? title : `${title}: ${printable(value)}`,
    ...rows.map(([label, text]) => `${label.padStart(width)}: ${printable(text)}`),
  ]
}

function ostreeRows(slot: Slot, entry: HostBootEntry, verbose: boolean): Row[] {
  const commit = optional('Commit', entry.ostree?.checksum)
  return verbose ? [...placeRows(slot, entry), ...commit] : commit
}

function verboseRows(slot: Slot, entry: HostBootEntry, image: HostImageStatus): Row[] {
  return [
    ...(entry.ostree === null ? [] : placeRows(slot, entry)),
    ...optional('Commit', entry.ostree?.checksum),
    ...optional('Signature', signatureText(image.image)),
    ['Soft-reboot', entry.softRebootQueued === true ? 'queued' : yesNo(entry.softRebootCapable)],
    ...(entry.composefs === null
      ? []
      : optional('FsVerity', entry.composefs.missingVerityAllowed ? 'Not Enforced' : 'Enforced')),
    ...(slot === 'staged' ? optional('Download-only', yesNo(entry.downloadOnly)) : []),
  ]
}

function placeRows(slot: Slot, { ostree }: HostBootEntry): Row[] {
  return [
    ...optional('StateRoot', ostree?.stateroot),
    ...optional('Deploy serial', ostree?.deploySerial.toString()),
    ['Staged', yesNo(slot === 'staged')],
  ]
}

function updateRows(image: HostImageStatus, update: HostImageStatus | null): Row[] {
  if (update === null || update.imageDigest === image.imageDigest) return []
  const version = versionRow('UpdateVersion', undefined, update)
  return [
    ...(version.length > 0 ? version : [['Update', 'Available'] as const]),
    ['UpdateDigest', update.imageDigest],
  ]
}

function versionRow(label: string, timeLabel: string | undefined, image: HostImageStatus): Row[] {
  const time = image.timestamp?.replace(/\.\d+/, '')
  if (image.version !== null) {
    return [[label, time === undefined ? image.version : `${image.version} (${time})`]]
  }
  return timeLabel === undefined ? [] : optional(timeLabel, time)
}

function overlayRow({ status: { usrOverlay } }: BootcHost): Row[] {
  if (usrOverlay === null) return []
  const access = usrOverlay.accessMode === 'readWrite' ? 'read/write' : 'read-only'
  return [['/usr overlay', `${usrOverlay.persistence}, ${access}`]]
}

function signatureText({ signature }: HostImageReference): string | undefined {
  if (signature === undefined) return undefined
  if (typeof signature === 'object') return `ostree-remote:${signature.ostreeRemote}`
  return signature === 'containerPolicy' ? 'container-policy' : 'insecure'
}

function referenceText({ image, transport }: HostImageReference): string {
  return transport === 'registry' ? image : `${transport}:${image}`
}

function optional(label: string, value: string | undefined): Row[] {
  return value === undefined ? [] : [[label, value]]
}

function yesNo(value: boolean): string {
  return value ? 'yes' : 'no'
}

/** Labels of images are anybody's text: keep control characters away from terminals. */
function printable(value: string): string {
  return value.replace(/[\p{Cc}\p{Cf}]/gu, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
