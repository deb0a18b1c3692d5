import { BootcError } from '../errors.js'
import type { InstallConfig } from '../install-config/index.js'
import type { Warning } from '../interfaces/index.js'
import { installKargs, parseKarg, splitKargs } from '../kargs/index.js'
import type { SignedImageReference } from '../oci/reference.js'
import type { LoaderChoice } from './install-loader.js'
import type { BootMount, InstallOptions } from './install-types.js'

/** What an installation does, options and configuration taken together. */
export interface InstallSettings {
  readonly stateroot: string
  /** What the system will follow. */
  readonly origin: SignedImageReference
  readonly kargs: readonly string[]
  readonly bootMount?: BootMount
  readonly warnings: readonly Warning[]
}

/** Options win over the configuration. */
export function staterootOf(options: InstallOptions, config: InstallConfig | undefined): string {
  return options.stateroot ?? config?.stateroot ?? 'default'
}

/**
 * @param facts `image`: the arguments that the image ships; `uki`: it boots by a unified kernel image, which has all
 *   its arguments sealed in
 * @throws BootcError `BOOT_UKI_KARGS`, `BOOT_UKI_ADDON`, `SYSROOT_BLOCK_SETUP`
 */
export function settleInstall(
  options: InstallOptions,
  config: InstallConfig | undefined,
  facts: { readonly image: readonly string[]; readonly uki: boolean; readonly loader: LoaderChoice },
): InstallSettings {
  assertBlockSetup(options, config)
  assertAddons(options, facts.uki)
  const bootMount = bootMountOf(options, config)
  const shared = {
    stateroot: staterootOf(options, config),
    origin: originOf(options, config),
    ...(bootMount === undefined ? {} : { bootMount }),
  }
  if (facts.uki) return { ...shared, kargs: [], warnings: sealedKargs(options, config) }
  const { kargs = {} } = options
  return {
    ...shared,
    kargs: installKargs({
      root: [
        ...rootKargs(options, config, facts.loader),
        ...(bootMount === undefined ? [] : [`boot=${bootMount.source}`]),
        ...(options.disableSelinux === true ? ['selinux=0'] : []),
      ],
      // One string may hold several.
      config: splitKargs([...(kargs.config ?? []), ...(config?.kargs ?? [])].join(' ')),
      image: facts.image,
      deletions: [...(config?.kargDeletes ?? []), ...(kargs.delete ?? [])],
      cli: splitKargs((kargs.extra ?? []).join(' ')),
    }),
    warnings: [],
  }
}

function rootKargs(
  options: InstallOptions,
  config: InstallConfig | undefined,
  { named, provider }: LoaderChoice,
): readonly string[] {
  const spec = options.rootMountSpec ?? config?.rootMountSpec
  if (spec !== undefined) return spec === '' ? ['rw'] : [`root=${spec}`, 'rw']
  const found = options.kargs?.root ?? []
  const discoverable =
    options.typedPartitions === true &&
    (config?.discoverablePartitions ?? (named && provider === 'systemd-boot'))
  return discoverable ? found.filter((karg) => parseKarg(karg).key !== 'root') : found
}

function bootMountOf(options: InstallOptions, config: InstallConfig | undefined): BootMount | undefined {
  const spec = options.bootMountSpec ?? config?.bootMountSpec
  if (spec === undefined) return options.bootMount
  return spec === '' ? undefined : { source: spec }
}

function assertBlockSetup({ blockSetup }: InstallOptions, config: InstallConfig | undefined): void {
  const allowed = config?.block
  if (blockSetup === undefined || allowed === undefined || allowed.includes(blockSetup)) return
  throw new BootcError(
    'SYSROOT_BLOCK_SETUP',
    `Block setup ${blockSetup} is not enabled in installation config`,
    { details: { asked: blockSetup, allowed } },
  )
}

function assertAddons({ ukiAddons = [] }: InstallOptions, uki: boolean): void {
  if (ukiAddons.length === 0 || uki) return
  throw new BootcError(
    'BOOT_UKI_ADDON',
    `the system does not boot by a unified kernel image, which these addons are for: ${ukiAddons.join(', ')}`,
    { details: { addons: ukiAddons, available: [] } },
  )
}

function originOf(options: InstallOptions, config: InstallConfig | undefined): SignedImageReference {
  const origin = options.target ?? options.source
  const isOpen = origin.signature.kind === 'insecure'
  return config?.enforceContainerSigpolicy === true && isOpen
    ? { ...origin, signature: { kind: 'containerPolicy' } }
    : origin
}

/** What was asked for is refused; what a file says for all images alike is left out, and told. */
function sealedKargs(options: InstallOptions, config: InstallConfig | undefined): Warning[] {
  const { kargs: { extra = [], delete: deletions = [] } = {}, disableSelinux = false } = options
  const asked = [...extra, ...deletions, ...(disableSelinux ? ['selinux=0'] : [])]
  if (asked.length > 0) {
    throw new BootcError('BOOT_UKI_KARGS', 'Cannot use externally specified kernel arguments with UKI', {
      details: { kargs: asked },
    })
  }
  const configured = [...(config?.kargs ?? []), ...(config?.kargDeletes ?? [])]
  if (configured.length === 0) return []
  return [
    {
      code: 'install:uki-kargs',
      message: `the image boots by a unified kernel image, so these kernel arguments have no effect: ${configured.join(' ')}`,
      details: { kargs: configured },
    },
  ]
}
