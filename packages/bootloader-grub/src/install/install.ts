import { BootcError } from '@bootc-sdk/core'
import type {
  BiosTarget,
  Dir,
  LoaderInstallOptions,
  LoaderProgram,
  ReadTree,
  Sysroot,
  Warning,
} from '@bootc-sdk/core'
import { onEveryEsp, registerWithFirmware, replaceOnFat } from '@bootc-sdk/core/boot-kit'
import { nodeDir } from '@bootc-sdk/core/node'
import { ensureEnvironment, grubDir } from '../environment-file.js'
import { printStub } from '../format/stub.js'
import { biosImage, type BiosImage } from './bios-image.js'
import { bringsBootupd, isBootupds, programsOfBootupd, runBootupd, updateByBootupd } from './bootupd.js'
import { findModules, makeCoreImage } from './core-image.js'
import {
  bootupdPayload,
  corePayload,
  efiPlatform,
  osId,
  packagedPayload,
  type EfiPayload,
} from './payload.js'
import { programsOn, updateFiles } from './update.js'

export interface GrubInstallOptions extends LoaderInstallOptions {
  readonly timeoutSeconds: number
}

type Warn = (code: string, message: string, details?: Warning['details']) => void

/**
 * Put GRUB where firmware starts it: by bootupd where the image brings that and the target is mounted; else the
 * image's programs on every ESP, with a configuration that shows the menu beside the entries; for BIOS a core image
 * made of the image's modules. Everything is made before the first write.
 *
 * @throws BootcError `HOST_TOOL_MISSING`, `BOOT_LOADER_INVALID`, `BOOT_NO_SPACE`
 */
export async function installGrub(sysroot: Sysroot, options: GrubInstallOptions): Promise<Warning[]> {
  const { tree, bios, update = false, firmwareVariables = false, skipBootUuid = false, signal } = options
  const { boot, esps, host } = sysroot
  const warnings: Warning[] = []
  const warn: Warn = (code, message, details = {}) => void warnings.push({ code, message, details })
  if (tree === undefined) {
    warn('boot:loader-missing', 'no image was given that brings GRUB, so none was installed')
    return warnings
  }
  if (update ? await isBootupds(sysroot) : await bringsBootupd(tree)) {
    const why = update
      ? await updateByBootupd(sysroot, signal)
      : await runBootupd(sysroot, tree, { firmwareVariables, skipBootUuid, signal })
    if (why === undefined) return warnings
    warn('boot:bootupd-skipped', `bootupd has not ${update ? 'updated' : 'installed'} GRUB: ${why}`)
    // Its record of what is installed would be wrong.
    if (update) return warnings
  }
  const stub = printStub({
    ...{ uuid: boot.uuid, bootPrefix: boot.bootPrefix, grubDir: await grubDir(boot.dir) },
    timeoutSeconds: options.timeoutSeconds,
  })
  const payload = await findPayload(sysroot, tree, options)
  const core =
    bios === undefined ? undefined : await makeBios(sysroot, tree, bios, { ...options, stub, warn })
  signal?.throwIfAborted()

  if (payload === undefined && core === undefined) {
    warn('boot:loader-missing', 'the image brings no GRUB, so none was installed', { arch: host.arch })
    return warnings
  }
  if (boot.uuid === undefined && !update) {
    warn('boot:volume-unknown', 'the UUID of the boot volume is not known, so GRUB searches it by its files')
  }
  if (payload === undefined) {
    if (esps.length > 0) warn('boot:loader-missing', 'the image brings no GRUB for EFI', { arch: host.arch })
  } else if (esps.length === 0 && core === undefined) {
    warn('boot:no-esp', 'no EFI system partition is mounted, so no loader was put on one')
  }
  if (payload !== undefined) {
    const put = (esp: Dir) => (update ? updateFiles(esp, payload.files) : putFiles(esp, payload, stub))
    warnings.push(
      ...(await onEveryEsp(esps, options, async ({ dir }) => {
        await put(dir)
        return []
      })),
    )
  }
  if (core !== undefined) await bios!.write(core.bootCode, core.core)
  if (update) return warnings
  await ensureEnvironment(boot.dir)
  await boot.dir.sync()
  if (firmwareVariables && payload !== undefined && esps.length > 0) {
    const programOn = () => Promise.resolve(starterOf(payload))
    warnings.push(
      ...(await registerWithFirmware(host, esps, { ...options, label: payload.vendor, programOn })),
    )
  }
  return warnings
}

/** Programs of GRUB and shim as installed, beside what an image brings; first what bootupd says of its own. */
export async function grubPrograms(sysroot: Sysroot, tree: ReadTree | undefined): Promise<LoaderProgram[]> {
  const { host, esps } = sysroot
  const payload =
    tree === undefined
      ? undefined
      : ((await bootupdPayload(tree)) ?? (await packagedPayload(tree, host.arch)))
  return [...(await programsOfBootupd(sysroot)), ...(await programsOn(esps, payload?.files ?? []))]
}

async function findPayload(
  { host, esps }: Sysroot,
  tree: ReadTree,
  { signal, update = false }: GrubInstallOptions,
): Promise<EfiPayload | undefined> {
  const found = (await bootupdPayload(tree)) ?? (await packagedPayload(tree, host.arch))
  const platform = efiPlatform(host.arch)
  // A core of our own making has no version, so it is not for updates.
  if (found !== undefined || platform === undefined || esps.length === 0 || update) return found
  const modules = await findModules(tree, platform)
  if (modules === undefined) return undefined
  const vendor = await osId(tree)
  const { image } = await makeCoreImage(host, tree, modules, { platform, prefix: `/EFI/${vendor}`, signal })
  return corePayload(host.arch, vendor, image)
}

async function putFiles(esp: Dir, { files, vendor }: EfiPayload, stub: string): Promise<void> {
  // Programs without it would stop at a prompt.
  for (const home of [vendor, 'BOOT']) await replaceOnFat(esp, `EFI/${home}/grub.cfg`, Buffer.from(stub))
  for (const { to, data } of files) await replaceOnFat(esp, to, data)
}

/** What firmware is to start from the vendor's directory: shim where it is there. */
function starterOf({ files, vendor }: EfiPayload): string | undefined {
  const own = files.map(({ to }) => to).filter((to) => to.startsWith(`EFI/${vendor}/`))
  return own.find((to) => /\/shim[^/]*\.efi$/.test(to)) ?? own.find((to) => /\/grub[^/]*\.efi$/.test(to))
}

async function makeBios(
  { host }: Sysroot,
  tree: ReadTree,
  target: BiosTarget,
  { stub, warn, signal }: GrubInstallOptions & { readonly stub: string; readonly warn: Warn },
): Promise<BiosImage> {
  const platform = 'i386-pc'
  const own = await findModules(tree, platform)
  const hostRoot = nodeDir('/')
  const modules = own ?? (await findModules(hostRoot, platform))
  if (modules === undefined) {
    const details = { tool: 'grub-pc-bin', debian: 'grub-pc-bin', fedora: 'grub2-pc-modules' }
    const message = `neither the image nor this machine has GRUB for BIOS; it is in package ${details.debian} (Debian), ${details.fedora} (Fedora)`
    throw new BootcError('HOST_TOOL_MISSING', message, { details })
  }
  if (own === undefined) {
    warn('boot:host-grub', "GRUB for BIOS is this machine's: the image brings none", { path: `/${modules}` })
  }
  const source = own === undefined ? hostRoot : tree
  const { image, bootSector } = await makeCoreImage(host, source, modules, { platform, config: stub, signal })
  return biosImage(bootSector ?? Buffer.alloc(0), image, target)
}
