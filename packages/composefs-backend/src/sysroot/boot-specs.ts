import {
  BootcError,
  type BootArtifact,
  type BootFile,
  type BootSpec,
  type DeploymentId,
  type ReadTree,
} from '@bootc-sdk/core'
import { splitKargs } from '@bootc-sdk/core/kargs'
import { composefsKarg, parseComposefsKargs } from '../boot/karg.js'
import type { VerityState } from '../repo/api.js'
import { verityError } from '../repo/errors.js'
import type { BootSource } from './boot-source.js'
import { readOsRelease, type OsRelease } from './os-release.js'

/** One deployment in boot order. */
export interface OrderedDeployment {
  readonly id: DeploymentId
  readonly root: ReadTree
  readonly source: BootSource
  /** Hex. */
  readonly bootDigest: string
  readonly kargs: readonly string[]
  /** Of its unified kernel image, to be installed with it. */
  readonly ukiAddons: readonly string[]
}

export interface BootSpecsInput {
  readonly order: readonly OrderedDeployment[]
  readonly verity: VerityState
  /** Entries may lose the demand for fs-verity that they had. */
  readonly allowMissingVerity: boolean
  /** Directories of kernels on the boot volume, by boot digest. */
  readonly kernelDirs: ReadonlyMap<string, string>
}

/**
 * What boot entries must say, as bootc 1.16.9 writes them, for any number of deployments: sort keys count up
 * from 0, numbers at the end of file names count down to 0.
 *
 * @throws BootcError `STORE_COMPOSEFS_VERITY`, `BOOT_UKI_KARGS`
 * @see bootc 1.16.9 crates/lib/src/bootc_composefs/boot.rs
 */
export async function makeBootSpecs(input: BootSpecsInput): Promise<BootSpec[]> {
  const { order, verity, kernelDirs } = input
  const optional = verity.mode !== 'required'
  const releases = await Promise.all(order.map(({ root }) => readOsRelease(root)))
  // One name for all, so that it never decides about the order.
  const osId = releases[0]?.id ?? 'bootc'
  const highest = Math.max(order.length - 1, 1)
  const digits = String(highest).length
  return order.map((deployment, index) => {
    const { id, source, bootDigest } = deployment
    if (optional && !input.allowMissingVerity) assertNoDowngrade(deployment)
    const { title, version } = menuText(releases[index]!, id, source.type)
    const number = String(highest - index).padStart(digits, '0')
    const dir =
      kernelDirs.get(bootDigest) ?? kernelDir(order.findLast((other) => other.bootDigest === bootDigest)!.id)
    return {
      ...{ id, title, version, osId },
      artifact: { ...artifactOf(deployment, dir), bootDigest: `sha256:${bootDigest}` },
      ...kargsOf(deployment, optional),
      fileName: `bootc_${inFileName(osId).replaceAll('-', '_')}-${inFileName(version)}-${number}.conf`,
      entrySet: 'exchange',
      extra: [['sort-key', `bootc-${osId}-${String(index).padStart(digits, '0')}`]],
    } satisfies BootSpec
  })
}

export function kernelDir(id: DeploymentId): string {
  return `bootc_composefs-${id}`
}

function artifactOf({ id, source, ukiAddons }: OrderedDeployment, dir: string): WithoutDigest<BootArtifact> {
  if (source.type === 'bls') return { kind: 'linux', dir, kernel: source.kernel, initrds: [source.initrd] }
  const image = { ...source.image, name: `${kernelDir(id)}.efi` }
  const addons = chosenAddons(source, ukiAddons)
  return { kind: 'uki', dir: 'EFI/Linux/bootc', image, addons, cmdline: source.cmdline }
}

/** @throws BootcError `BOOT_UKI_ADDON` for one that the image does not have */
export function chosenAddons(source: BootSource, names: readonly string[]): BootFile[] {
  const offered: ReadonlyMap<string, BootFile> = source.type === 'uki' ? source.addons : new Map()
  return names.map((name) => {
    const addon = offered.get(name)
    if (addon !== undefined) return addon
    const available = [...offered.keys()]
    throw new BootcError('BOOT_UKI_ADDON', `the image has no addon ${name} for its unified kernel image`, {
      details: { addons: [name], available },
    })
  })
}

type WithoutDigest<T> = T extends unknown ? Omit<T, 'bootDigest'> : never

/** Unified kernel images bring the arguments they are sealed with, and take no others. */
function kargsOf(
  { id, source, kargs }: OrderedDeployment,
  optional: boolean,
): Pick<BootSpec, 'kargs' | 'rootKargs'> {
  // The initramfs would take the other spelling first.
  const own = kargs.filter((karg) => !karg.startsWith('composefs.digest='))
  if (source.type === 'bls') return { kargs: own, rootKargs: [composefsKarg(id, { optional })] }
  const sealed = new Set(splitKargs(source.cmdline))
  const more = own.filter(
    (karg) => !sealed.has(karg) && !/^(?:root|rootflags|composefs)=|^(?:rw|ro)$/.test(karg),
  )
  if (more.length === 0) return { kargs: [], rootKargs: [] }
  throw new BootcError(
    'BOOT_UKI_KARGS',
    `the image boots by a unified kernel image, which takes no further kernel arguments: ${more.join(' ')}`,
    { details: { kargs: more, deployment: id } },
  )
}

/** Entries that demand fs-verity must not be followed by such that do not, only because a repository was copied. */
function assertNoDowngrade({ id, kargs }: OrderedDeployment): void {
  const strict = parseComposefsKargs(kargs.join(' ')).find((karg) => !karg.optional)
  if (strict === undefined) return
  throw verityError(
    `boot entry of ${strict.id}`,
    `it demands fs-verity, which the repository does not have any more, so no entry is made for ${id}`,
  )
}

function menuText(
  { title, version }: OsRelease,
  id: DeploymentId,
  type: BootSource['type'],
): { title: string; version: string } {
  const label = type === 'uki' && title !== undefined && version !== undefined ? `${title} ${version}` : title
  return { title: label ?? id, version: version ?? id }
}

function inFileName(text: string): string {
  return text.replace(/[^A-Za-z0-9._+~^-]/g, '_')
}
