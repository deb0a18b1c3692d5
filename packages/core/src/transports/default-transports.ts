import type { ImageTransport } from '../interfaces/transport.js'
import { dirTransport } from './local/dir-transport.js'
import { dockerArchiveTransport } from './local/docker-archive-transport.js'
import { dockerDaemonTransport } from './local/docker-daemon-transport.js'
import { ociArchiveTransport } from './local/oci-archive-transport.js'
import type { OciArchiveOptions } from './local/oci-archive-transport.js'
import { ociTransport } from './local/oci-transport.js'
import { credentialsByHelpers } from './registry/credential-helper.js'
import { authFileCredentials, ostreeCredentials } from './registry/ostree-auth.js'
import { hostConfiguration } from './registry/registry-configuration.js'
import { registryTransport } from './registry/registry-transport.js'
import type { RegistryTransportOptions } from './registry/registry-transport.js'

export interface DefaultTransportOptions extends RegistryTransportOptions, OciArchiveOptions {
  /** `false`: no certificate checks, and plain HTTP where HTTPS fails, for every registry. */
  readonly tlsVerify?: boolean
  /** The one auth file to read, instead of bootc's own search (`ostreeCredentials`). */
  readonly authfile?: string
}

/**
 * Everything core can read: `registry`, `oci`, `oci-archive`, `dir`, `docker-archive`, `docker-daemon`, with
 * credentials found as bootc finds them and registries configured as for podman and skopeo.
 */
export function defaultTransports(options: DefaultTransportOptions = {}): ImageTransport[] {
  const {
    tlsVerify,
    authfile,
    temporaryDir,
    maxBytes,
    configuration = hostConfiguration(),
    ...registry
  } = options
  const files = authfile === undefined ? ostreeCredentials() : authFileCredentials(authfile)
  const credentials = credentialsByHelpers(async () => (await configuration()).credentialHelpers, files)
  return [
    registryTransport({
      credentials,
      configuration,
      ...(tlsVerify === false ? { insecure: true } : {}),
      ...registry,
    }),
    ociTransport(),
    ociArchiveTransport({ temporaryDir, maxBytes }),
    dirTransport(),
    dockerArchiveTransport({ temporaryDir, maxBytes }),
    dockerDaemonTransport({ temporaryDir, maxBytes }),
  ]
}
