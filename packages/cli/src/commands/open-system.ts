import { realpath } from 'node:fs/promises'
import { grubBootloader } from '@bootc-sdk/bootloader-grub'
import { systemdBoot } from '@bootc-sdk/bootloader-systemd-boot'
import { composefsBackend } from '@bootc-sdk/composefs-backend'
import {
  BootcError,
  openBootc,
  type Bootc,
  type BootcParts,
  type ImageTransport,
  type Sysroot,
} from '@bootc-sdk/core'
import { nodeSysroot } from '@bootc-sdk/core/node'
import { ostreeBackend } from '@bootc-sdk/ostree-backend'
import type { Cli } from '../io.js'
import { remoteTrust } from '../ostree/remote-trust.js'
import { partialBlobsDir } from './cache-dir.js'
import { boundImages } from './bound-images.js'
import { openPolicy } from './open-policy.js'

export interface SystemOptions extends StoreOptions {
  readonly sysroot: string
}

export interface StoreOptions {
  /** Refuse a composefs repository that does not have fs-verity enforced. */
  readonly requireVerity?: boolean
  /** Do not demand fs-verity in a new one. */
  readonly allowMissingVerity?: boolean
}

export interface NetworkOptions {
  readonly tlsVerify: boolean
  readonly authfile?: string
  /** Bytes per second. */
  readonly limitRate?: number
}

/**
 * The system below `--sysroot`, with everything this command knows registered.
 *
 * @param network left out where nothing is fetched: the HTTP client is then never loaded
 */
export async function openSystem(cli: Cli, options: SystemOptions, network?: NetworkOptions): Promise<Bootc> {
  return openParts(cli, nodeSysroot(await existing(options.sysroot)), options, network)
}

/** The same on a sysroot that was put together by the caller. */
export async function openParts(
  cli: Cli,
  sysroot: Sysroot,
  options: StoreOptions,
  network?: NetworkOptions,
): Promise<Bootc> {
  return openBootc({ sysroot, ...(await systemParts(cli, options, network)) })
}

/** Everything that this command registers. */
export async function systemParts(
  cli: Cli,
  { requireVerity = false, allowMissingVerity = false }: StoreOptions,
  network?: NetworkOptions,
): Promise<Omit<BootcParts, 'sysroot'>> {
  const transports = network === undefined ? [] : await openTransports(network, { resume: cli.env })
  return {
    transports,
    ...(network === undefined ? {} : { policy: await openPolicy(transports) }),
    stores: [
      ostreeBackend({ trust: remoteTrust, composefs: () => import('@bootc-sdk/composefs-backend/format') }),
      composefsBackend({ requireVerity, allowMissingVerity }),
    ],
    boundImages: boundImages(),
    // Where entries are on an EFI system partition, nothing else reads them.
    bootloaders: [systemdBoot(), grubBootloader()],
  }
}

async function existing(path: string): Promise<string> {
  return realpath(path).catch((cause: unknown) => {
    throw new BootcError('SYSROOT_NOT_FOUND', `there is no sysroot ${path}`, { details: { path }, cause })
  })
}

/**
 * The transports core has, with what the command line says about them.
 *
 * @param options `resume`: what came of a layer is kept for the next try, where images go into a store; the environment
 * says where
 */
export async function openTransports(
  network: NetworkOptions,
  { resume }: { readonly resume?: Cli['env'] } = {},
): Promise<ImageTransport[]> {
  const { defaultTransports } = await import('@bootc-sdk/core/transports')
  const { containersStorageTransport } = await import('@bootc-sdk/containers-storage')
  return [
    ...defaultTransports({
      // A reset in the wrong moment is no reason to fail: what it costs is a second or two.
      documentRetries: 2,
      ...(resume === undefined ? {} : { partialBlobs: { dir: partialBlobsDir(resume) } }),
      ...(network.tlsVerify ? {} : { tlsVerify: false }),
      ...(network.authfile === undefined ? {} : { authfile: network.authfile }),
      ...(network.limitRate === undefined ? {} : { bandwidthBytesPerSecond: network.limitRate }),
    }),
    containersStorageTransport(),
  ]
}
