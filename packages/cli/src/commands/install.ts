import { resolve } from 'node:path'
import { displaySignedReference } from '@bootc-sdk/core/oci'
import type { Cli } from '../io.js'
import { imgrefOf, parseImgref } from '../imgref.js'
import { openSystem, type NetworkOptions } from './open-system.js'
import { printWarnings } from './print-change.js'
import { rootKargs } from './root-kargs.js'
import { withProgress, type ProgressOptions } from './with-progress.js'

interface InstallFlags extends NetworkOptions, ProgressOptions {
  readonly store: string
  readonly bootloader: string
  readonly sourceImgref: string
  readonly targetImgref?: string
  readonly targetTransport: string
  readonly enforceContainerSigpolicy?: boolean
  readonly karg?: readonly string[]
  readonly kargDelete?: readonly string[]
  readonly stateroot: string
  readonly rootMountSpec?: string
  readonly requireVerity?: boolean
}

/** `bootc-sdk install to-filesystem`. */
export async function installToFilesystem(cli: Cli, options: InstallFlags, dir: string): Promise<void> {
  const source = parseImgref(options.sourceImgref)
  const enforce = options.enforceContainerSigpolicy === true
  const followed =
    options.targetImgref === undefined
      ? source
      : targetOf(options.targetTransport, options.targetImgref, enforce)
  const target = enforce ? { ...followed, signature: { kind: 'containerPolicy' as const } } : followed
  const sysroot = resolve(dir)
  const root = await rootKargs(cli, sysroot, options.rootMountSpec)
  const { requireVerity = false } = options
  const bootc = await openSystem(cli, { sysroot, requireVerity }, options)
  await cli.out.write(`Installing image: ${displaySignedReference(source)}\n`)
  const result = await withProgress(cli, options, true, (_progress, operation) =>
    bootc.install({
      ...operation,
      source,
      target,
      stateroot: options.stateroot,
      store: options.store,
      bootloader: options.bootloader,
      kargs: { root, extra: options.karg ?? [], delete: options.kargDelete ?? [] },
    }),
  )
  await printWarnings(cli, result.warnings)
  await cli.out.write(`Digest: ${result.image.manifestDigest}\n`)
  await cli.out.write(`Bootloader: ${result.bootloader}\n`)
  await cli.out.write('Installation complete!\n')
}

function targetOf(transport: string, name: string, enforce: boolean): ReturnType<typeof parseImgref> {
  const typed = transport === 'registry' && /^(docker:\/\/|ostree-[a-z-]+:)/.test(name)
  return typed ? parseImgref(name) : imgrefOf(transport, name, enforce)
}
