import {
  loadHostCertificates,
  loadRegistriesConf,
  loadRegistriesD,
  registrySources,
  registryTarget,
  signatureStorage,
} from '../../containers-conf/index.js'
import type {
  ConfContext,
  PullSource,
  RegistriesConf,
  RegistriesConfOptions,
  RegistriesDOptions,
  SignatureStorage,
} from '../../containers-conf/index.js'
import type { TlsOptions } from './http.js'

/** What the machine's configuration says about registries. */
export interface RegistryConfiguration {
  /** Where to look for a name, in order. @throws `TRANSPORT_CONFIG_INVALID` */
  sources(name: string): readonly PullSource[]
  /** Where to write to: the name itself, as secure as its table says. */
  target(name: string): PullSource
  /** Certificates for a registry, as references name it. @throws `TRANSPORT_CONFIG_INVALID` */
  certificates?(registry: string): Promise<TlsOptions | undefined>
  /** Where signatures are kept of what is fetched under a (physical) name. */
  signatureStorage?(name: string): SignatureStorage
  /** Programs and files to ask for credentials, in order. */
  readonly credentialHelpers?: readonly string[]
}

export interface HostConfigurationOptions extends ConfContext {
  readonly registriesConf?: RegistriesConfOptions
  readonly registriesD?: RegistriesDOptions
}

/**
 * registries.conf, registries.d and certs.d of this machine, read when they are first needed, and again after a
 * failure.
 */
export function hostConfiguration(
  options: HostConfigurationOptions = {},
): () => Promise<RegistryConfiguration> {
  const { registriesConf, registriesD, ...context } = options
  let loading: Promise<RegistryConfiguration> | undefined
  const load = async (): Promise<RegistryConfiguration> => {
    const conf: RegistriesConf = await loadRegistriesConf({ ...context, ...registriesConf })
    const storage = await loadRegistriesD({ ...context, ...registriesD })
    return {
      sources: (name) => registrySources(name, conf),
      target: (name) => registryTarget(name, conf),
      certificates: (registry) => certificates(registry, context),
      signatureStorage: (name) => signatureStorage(name, storage),
      credentialHelpers: conf.credentialHelpers,
    }
  }
  return () =>
    (loading ??= load().catch((error: unknown) => {
      loading = undefined
      throw error
    }))
}

async function certificates(registry: string, context: ConfContext): Promise<TlsOptions | undefined> {
  const found = await loadHostCertificates(registry, context)
  if (found === undefined) return undefined
  return {
    ca: found.ca,
    ...(found.clients.length === 0
      ? {}
      : { cert: found.clients.map(({ cert }) => cert), key: found.clients.map(({ key }) => key) }),
  }
}
