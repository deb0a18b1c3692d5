/** Which references a mirror serves. */
export type MirrorUse = 'all' | 'digest-only' | 'tag-only'

/** `[[registry.mirror]]` */
export interface MirrorTable {
  /** `host[:port][/path]` */
  readonly location: string
  readonly insecure: boolean
  readonly use: MirrorUse
}

/** `[[registry]]` */
export interface RegistryTable {
  /** `host[:port][/path]`, or `*.domain`. */
  readonly prefix: string
  /** Empty only with a `*.` prefix: no rewriting then. */
  readonly location: string
  /** Certificates are not checked, plain HTTP is tried when HTTPS fails. */
  readonly insecure: boolean
  readonly blocked: boolean
  /** All mirrors are for references by digest. */
  readonly mirrorByDigestOnly: boolean
  /** In the order in which they are tried. */
  readonly mirrors: readonly MirrorTable[]
  /** File that it stands in. */
  readonly file: string
}

export type ShortNameMode = 'disabled' | 'enforcing' | 'permissive'

/** What one file says; members that it does not have are undefined. */
export interface RegistriesFile {
  readonly path: string
  /** Each prefix once. */
  readonly registries: readonly RegistryTable[]
  readonly unqualifiedSearchRegistries?: readonly string[]
  readonly credentialHelpers?: readonly string[]
  readonly shortNameMode?: ShortNameMode
  /** Short name → `host/repository`; `''` takes an earlier alias back. */
  readonly aliases: ReadonlyMap<string, string>
}

/** registries.conf with its drop-ins. */
export interface RegistriesConf {
  readonly registries: readonly RegistryTable[]
  readonly unqualifiedSearchRegistries: readonly string[]
  /** `containers-auth.json` or names of `docker-credential-` programs, in the order in which they are asked. */
  readonly credentialHelpers: readonly string[]
  readonly shortNameMode: ShortNameMode
  readonly aliases: ReadonlyMap<string, string>
}

/** The name that stands for auth files among `credential-helpers`. */
export const authFileHelper = 'containers-auth.json'

/** What holds on a machine without registries.conf. */
export const emptyRegistriesConf: RegistriesConf = {
  registries: [],
  unqualifiedSearchRegistries: [],
  credentialHelpers: [authFileHelper],
  shortNameMode: 'permissive',
  aliases: new Map(),
}

/** One place to try for a reference. */
export interface PullSource {
  /** Physical name, `host/repository:tag` or `…@digest`, to be used for requests, credentials and certificates. */
  readonly name: string
  /** Undefined where no table of registries.conf is about it. */
  readonly insecure: boolean | undefined
  readonly kind: 'mirror' | 'primary'
  /** Prefix of the table that forbids this place; it must not be contacted. */
  readonly blockedBy?: string
}
