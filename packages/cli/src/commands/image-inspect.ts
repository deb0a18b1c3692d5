import { resolveImage } from '@bootc-sdk/core'
import { printImageReference } from '@bootc-sdk/core/oci'
import type { Cli } from '../io.js'
import { findImgref } from './find-imgref.js'
import { openTransports, type NetworkOptions } from './open-system.js'
import { parsePlatform } from './platform.js'

interface InspectFlags extends NetworkOptions {
  readonly raw?: boolean
  readonly config?: boolean
  readonly platform?: string
}

/** `bootc-sdk image inspect`. */
export async function imageInspect(cli: Cli, options: InspectFlags, text: string): Promise<void> {
  const transports = await openTransports(options)
  const { image: reference } = await findImgref(cli, transports, text)
  const platform = options.platform === undefined ? undefined : parsePlatform(options.platform)
  const image = await resolveImage(transports, reference, { signal: cli.signal, platform })
  if (options.raw === true || options.config === true) {
    const bytes = options.raw === true ? image.manifestBytes : image.configBytes
    await cli.out.write(Buffer.from(bytes).toString('utf8'))
    return
  }
  const { manifest, config } = image
  const shown = {
    reference: printImageReference(reference),
    digest: image.manifestDigest,
    ...(image.index === undefined ? {} : { index: image.index.digest }),
    mediaType: image.manifestMediaType,
    config: image.configDigest,
    created: config.created,
    os: config.os,
    architecture: config.architecture,
    bootable: ['ostree.bootable', 'containers.bootc'].some(
      (key) => config.config?.Labels?.[key] !== undefined,
    ),
    labels: config.config?.Labels ?? {},
    layers: manifest.layers.map(({ digest, size, mediaType }, index) => ({
      digest,
      size,
      mediaType,
      diffId: config.rootfs.diff_ids[index],
    })),
  }
  await cli.out.write(`${JSON.stringify(shown, undefined, 2)}\n`)
}
