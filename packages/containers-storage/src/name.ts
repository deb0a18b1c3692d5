import { BootcError, type Digest, type ImageReference } from '@bootc-sdk/core'
import { isDigest, parseRegistryName, printRegistryName } from '@bootc-sdk/core/oci'

/** Parsed `containers-storage:` name. */
export interface StorageName {
  /** Given in brackets: `[overlay@/root+/run]`. */
  readonly store?: { readonly driver?: string; readonly root?: string }
  /** Fully expanded `registry/repository:tag`; absent when only an id was given. */
  readonly name?: string
  readonly digest?: Digest
  /** Id of the image, or at least three digits that it begins with. */
  readonly id?: string
}

/**
 * `[[driver@]root[+runroot][:options]]NAME[:TAG][@DIGEST]`, `…@ID`, or an id alone.
 *
 * @throws BootcError `IMAGE_REFERENCE_INVALID`
 * @see containers/image 5.34 storage/storage_transport.go
 */
export function parseStorageName({ name: text }: ImageReference): StorageName {
  const bracket = /^\[([^\]]*)\](.*)$/s.exec(text)
  const store = bracket === null ? undefined : parseStore(text, bracket[1]!)
  const rest = bracket === null ? text : bracket[2]!
  const where = store === undefined ? {} : { store }
  if (/^@?[0-9a-f]{64}$/.test(rest)) return { ...where, id: rest.replace('@', '') }
  if (/^@[0-9a-f]{3,64}$/.test(rest)) return { ...where, id: rest.slice(1) }
  const at = rest.lastIndexOf('@')
  const suffix = at < 0 ? undefined : rest.slice(at + 1)
  if (suffix !== undefined && !isDigest(suffix)) {
    if (!/^[0-9a-f]{64}$/.test(suffix))
      throw invalid(text, `${JSON.stringify(suffix)} is no digest and no id`)
    return { ...where, ...nameOf(rest.slice(0, at)), id: suffix }
  }
  return { ...where, ...nameOf(rest) }
}

function nameOf(text: string): Pick<StorageName, 'name' | 'digest'> {
  const { digest, ...name } = parseRegistryName(text)
  return { name: printRegistryName(name), ...(digest === undefined ? {} : { digest }) }
}

function parseStore(text: string, spec: string): NonNullable<StorageName['store']> {
  const [places = '', ...options] = spec.split(':')
  if (options.join(':').includes('\0')) throw invalid(text, 'options hold a NUL')
  const at = places.indexOf('@')
  const driver = at < 0 ? undefined : places.slice(0, at)
  const root = (at < 0 ? places : places.slice(at + 1)).split('+')[0]!
  if (root !== '' && !root.startsWith('/'))
    throw invalid(text, `store ${JSON.stringify(root)} is not absolute`)
  return { ...(driver ? { driver } : {}), ...(root === '' ? {} : { root }) }
}

function invalid(name: string, problem: string): BootcError {
  const reference = `containers-storage:${name}`
  return new BootcError('IMAGE_REFERENCE_INVALID', `${reference}: ${problem}`, { details: { reference } })
}
