import { pullImage, type Bootc, type ImageReference, type ImageStore } from '@bootc-sdk/core'
import { canonicalReference, printImageReference } from '@bootc-sdk/core/oci'
import { printable } from '../format.js'
import { UsageError, type Cli } from '../io.js'
import { parseImgref } from '../imgref.js'
import { boundImages } from './bound-images.js'
import { openPolicy } from './open-policy.js'
import { openSystem, openTransports, type SystemOptions } from './open-system.js'
import { prepareForRead, prepareForWrite } from './prepare-for-write.js'
import { withProgress, type ProgressOptions } from './with-progress.js'

export interface ListFlags {
  readonly sysroot: string
  readonly type: 'all' | 'logical' | 'host'
  readonly format: 'table' | 'json'
}

interface Row {
  readonly image_type: 'host' | 'logical'
  readonly image: string
}

/** `bootc-sdk image list` without a repository: the system's own images, and those that it is bound to. */
export async function listSystemImages(cli: Cli, { type, format, ...system }: ListFlags): Promise<void> {
  await prepareForRead(system)
  const bootc = await openSystem(cli, system)
  const rows: Row[] = [
    ...(type === 'logical' ? [] : await hostRows(bootc)),
    ...(type === 'host' ? [] : await boundRows(cli, bootc)),
  ]
  if (format === 'json') {
    await cli.out.write(`${JSON.stringify(rows, undefined, 2)}\n`)
    return
  }
  const table = [
    ['REPOSITORY', 'TYPE'],
    ...rows.map(({ image, image_type: kind }) => [printable(image), kind]),
  ]
  const width = Math.max(...table.map(([name]) => name!.length))
  for (const [name, kind] of table) await cli.out.write(` ${name!.padEnd(width)}  ${kind} \n`)
}

async function hostRows(bootc: Bootc): Promise<Row[]> {
  const rows: Row[] = []
  const { store } = await bootc.status()
  if (store === undefined) return rows
  for await (const { reference } of (await bootc.store()).images.list()) {
    if (reference !== undefined) rows.push({ image_type: 'host', image: printImageReference(reference) })
  }
  return rows
}

async function boundRows(cli: Cli, bootc: Bootc): Promise<Row[]> {
  const bound = await bootc.boundImages({ signal: cli.signal })
  return bound.map(({ image }) => ({ image_type: 'logical', image }))
}

/** `bootc-sdk image pull-from-default-storage`: from podman's storage of this machine to the bound images' one. */
export async function pullFromDefaultStorage(
  cli: Cli,
  options: SystemOptions & ProgressOptions,
  name: string,
): Promise<void> {
  await prepareForWrite(cli, options)
  const target = canonicalReference({ transport: 'registry', name })
  const bootc = await openSystem(cli, options)
  const store = await bootc.store()
  const transports = await openTransports({ tlsVerify: true })
  const policy = await openPolicy(transports)
  await withProgress(cli, options, false, async (_progress, { signal, onProgress }) => {
    await using lock = await bootc.sysroot.lock({ signal })
    const images: ImageStore = await boundImages().init(bootc.sysroot, lock, { store: store.name, signal })
    await pullImage({
      transports,
      policy,
      store: images,
      reference: { transport: 'containers-storage', name },
      target,
      signal,
      onProgress,
    })
  })
}

interface CopyToStorageFlags extends SystemOptions, ProgressOptions {
  readonly source?: string
  readonly target?: string
}

/** What bootc calls an image in podman's storage that nobody named. */
const defaultTarget = 'localhost/bootc'

/** `bootc-sdk image copy-to-storage`: an image of the system as a container image of this machine. */
export async function copyToStorage(cli: Cli, options: CopyToStorageFlags): Promise<void> {
  await prepareForRead(options)
  const bootc = await openSystem(cli, options)
  const source = options.source === undefined ? await bootedImage(bootc) : parseImgref(options.source).image
  const target = options.target ?? defaultTarget
  const to = target.startsWith('containers-storage:') ? target : `containers-storage:${target}`
  const store = await bootc.store()
  if (store.name !== 'ostree') {
    const { copyStoredImage } = await import('./copy-stored-image.js')
    return copyStoredImage(cli, options, { images: store.images, source, to })
  }
  const { exportStored } = await import('../ostree/container.js')
  const repo = `${options.sysroot.replace(/\/$/, '')}/ostree/repo`
  await exportStored(cli, { ...options, repo, tlsVerify: true }, printImageReference(source), to)
}

async function bootedImage(bootc: Bootc): Promise<ImageReference> {
  const { anchor } = await bootc.status()
  if (anchor?.deployment.origin !== undefined) return anchor.deployment.origin.image
  throw new UsageError('the system does not follow an image; name one with --source')
}
