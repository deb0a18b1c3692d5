import { BootcError } from '../errors.js'
import { emptyHost } from './to-host.js'
import type {
  BootcHost,
  HostBootEntry,
  HostImageReference,
  HostImageStatus,
  HostOverlay,
  HostSignature,
} from './types.js'

type Json = Readonly<Record<string, unknown>>

/**
 * Read a status document of any bootc (also `v1alpha1`): missing members get their defaults, unknown ones
 * are dropped.
 *
 * @param document parsed JSON or YAML
 * @throws BootcError `HOST_DOCUMENT_INVALID` when a member that must be there is missing or of a wrong type
 */
export function parseBootcHost(document: unknown): BootcHost {
  const host = record(document, 'document')
  const empty = emptyHost()
  const spec = optionalRecord(host['spec'], 'spec')
  const status = optionalRecord(host['status'], 'status')
  const others = list(status?.['otherDeployments'], 'status.otherDeployments')
  const slot = (name: string): HostBootEntry | null => {
    const value = status?.[name] ?? null
    return value === null ? null : entry(value, `status.${name}`)
  }
  return {
    apiVersion: text(host['apiVersion'], 'apiVersion'),
    kind: text(host['kind'], 'kind'),
    metadata: metadata(optionalRecord(host['metadata'], 'metadata') ?? {}),
    spec: {
      image: orNull(spec?.['image'], (value) => reference(value, 'spec.image')),
      bootOrder: spec?.['bootOrder'] === 'rollback' ? 'rollback' : 'default',
    },
    status: {
      ...empty.status,
      staged: slot('staged'),
      booted: slot('booted'),
      rollback: slot('rollback'),
      ...(others.length === 0
        ? {}
        : { otherDeployments: others.map((item, i) => entry(item, `status.otherDeployments[${i}]`)) }),
      rollbackQueued: status?.['rollbackQueued'] === true,
      type: orNull(status?.['type'], (value) => text(value, 'status.type')),
      usrOverlay: orNull(status?.['usrOverlay'], (value) => overlay(value)),
      readOnly: status?.['readOnly'] === true,
    },
  }
}

function metadata(value: Json): BootcHost['metadata'] {
  const texts = (name: string) => {
    const found = optionalRecord(value[name], `metadata.${name}`)
    if (found === undefined) return {}
    const entries = Object.entries(found).map(([key, item]) => [key, text(item, `metadata.${name}.${key}`)])
    return { [name]: Object.fromEntries(entries) as Record<string, string> }
  }
  const one = (name: string) =>
    value[name] === undefined || value[name] === null ? {} : { [name]: text(value[name], `metadata.${name}`) }
  return { ...texts('annotations'), ...texts('labels'), ...one('name'), ...one('namespace') }
}

function entry(value: unknown, path: string): HostBootEntry {
  const found = record(value, path)
  return {
    image: orNull(found['image'], (item) => imageStatus(item, `${path}.image`)),
    cachedUpdate: orNull(found['cachedUpdate'], (item) => imageStatus(item, `${path}.cachedUpdate`)),
    incompatible: flag(found['incompatible'], `${path}.incompatible`),
    pinned: flag(found['pinned'], `${path}.pinned`),
    softRebootCapable: found['softRebootCapable'] === true,
    ...(found['softRebootQueued'] === true ? { softRebootQueued: true } : {}),
    downloadOnly: found['downloadOnly'] === true,
    store: orNull(found['store'], (item) => text(item, `${path}.store`)),
    ostree: orNull(found['ostree'], (item) => {
      const ostree = record(item, `${path}.ostree`)
      return {
        stateroot: typeof ostree['stateroot'] === 'string' ? ostree['stateroot'] : 'default',
        checksum: text(ostree['checksum'], `${path}.ostree.checksum`),
        deploySerial: count(ostree['deploySerial'], `${path}.ostree.deploySerial`),
      }
    }),
    composefs: orNull(found['composefs'], (item) => {
      const composefs = record(item, `${path}.composefs`)
      return {
        verity: text(composefs['verity'], `${path}.composefs.verity`),
        bootType: text(composefs['bootType'], `${path}.composefs.bootType`),
        bootloader: text(composefs['bootloader'], `${path}.composefs.bootloader`),
        bootDigest: orNull(composefs['bootDigest'], (digest) => text(digest, `${path}.composefs.bootDigest`)),
        missingVerityAllowed: composefs['missingVerityAllowed'] === true,
      }
    }),
  }
}

function imageStatus(value: unknown, path: string): HostImageStatus {
  const found = record(value, path)
  return {
    image: reference(found['image'], `${path}.image`),
    version: orNull(found['version'], (item) => text(item, `${path}.version`)),
    timestamp: orNull(found['timestamp'], (item) => text(item, `${path}.timestamp`)),
    imageDigest: text(found['imageDigest'], `${path}.imageDigest`),
    // Documents of bootc before 1.1.6 have none.
    architecture: typeof found['architecture'] === 'string' ? found['architecture'] : '',
  }
}

function reference(value: unknown, path: string): HostImageReference {
  const found = record(value, path)
  const mode = found['signature'] ?? undefined
  return {
    image: text(found['image'], `${path}.image`),
    transport: text(found['transport'], `${path}.transport`),
    ...(mode === undefined ? {} : { signature: signature(mode, `${path}.signature`) }),
  }
}

function signature(value: unknown, path: string): HostSignature {
  if (value === 'containerPolicy' || value === 'insecure') return value
  return { ostreeRemote: text(record(value, path)['ostreeRemote'], `${path}.ostreeRemote`) }
}

function overlay(value: unknown): HostOverlay {
  const found = record(value, 'status.usrOverlay')
  return {
    accessMode: text(found['accessMode'], 'status.usrOverlay.accessMode'),
    persistence: text(found['persistence'], 'status.usrOverlay.persistence'),
  }
}

function orNull<T>(value: unknown, read: (value: unknown) => T): T | null {
  return value === undefined || value === null ? null : read(value)
}

function record(value: unknown, path: string): Json {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json
  throw invalid(path, 'is not an object')
}

function optionalRecord(value: unknown, path: string): Json | undefined {
  return value === undefined || value === null ? undefined : record(value, path)
}

function list(value: unknown, path: string): readonly unknown[] {
  if (value === undefined || value === null) return []
  if (Array.isArray(value)) return value
  throw invalid(path, 'is not a list')
}

function text(value: unknown, path: string): string {
  if (typeof value === 'string') return value
  throw invalid(path, 'is not a string')
}

/** False when missing. */
function flag(value: unknown, path: string): boolean {
  if (value === undefined || value === null) return false
  if (typeof value === 'boolean') return value
  throw invalid(path, 'is not a boolean')
}

function count(value: unknown, path: string): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return value
  throw invalid(path, 'is not a number')
}

function invalid(path: string, problem: string): BootcError {
  return new BootcError('HOST_DOCUMENT_INVALID', `status document: ${path} ${problem}`, {
    details: { path, problem },
  })
}
