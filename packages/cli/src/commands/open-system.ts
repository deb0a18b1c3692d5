import { realpath } from 'node:fs/promises'
import type { Bootc, ImageTransport } from '@bootc-sdk/core'
import type { Cli } from '../io.js'

export interface SystemOptions {
  readonly sysroot: string
}

export interface NetworkOptions {
  readonly tlsVerify: boolean
  readonly authfile?: string
}

/**
 * The system below `--sysroot`, with everything this command knows registered.
 *
 * @param network left out where nothing is fetched: the HTTP client is then never loaded
 */
export async function openSystem(
  _cli: Cli,
  options: SystemOptions,
  network?: NetworkOptions,
): Promise<Bootc> {
  const [{ openBootc }, { nodeSysroot }, { ostreeBackend }, { grubBootloader }, transports] =
    await Promise.all([
      import('@bootc-sdk/core'),
      import('@bootc-sdk/core/node'),
      import('@bootc-sdk/ostree-backend'),
      import('@bootc-sdk/bootloader-grub'),
      network === undefined ? [] : openTransports(network),
    ])
  return openBootc({
    sysroot: nodeSysroot(await realpath(options.sysroot)),
    transports,
    stores: [ostreeBackend()],
    bootloaders: [grubBootloader()],
  })
}

/** The transports core has, with what the command line says about them. */
export async function openTransports(network: NetworkOptions): Promise<ImageTransport[]> {
  const { defaultTransports } = await import('@bootc-sdk/core/transports')
  return defaultTransports({
    ...(network.tlsVerify ? {} : { tlsVerify: false }),
    ...(network.authfile === undefined ? {} : { authfile: network.authfile }),
  })
}
