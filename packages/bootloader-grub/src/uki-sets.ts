import { BootcError } from '@bootc-sdk/core'
import type { BootArtifact, BootSpec, BootVersion, Dir, Sysroot, Volume } from '@bootc-sdk/core'
import { parseBlsEntry } from '@bootc-sdk/core/bls'
import {
  copyToFat,
  inVolume,
  isDirectory,
  missingOnFat,
  peText,
  ukiPlacements,
  type Placement,
} from '@bootc-sdk/core/boot-kit'
import { readText, replaceFile } from '@bootc-sdk/core/store-kit'
import type { BlsSets } from './bls-sets.js'
import { renderEntries, type OwnFile } from './entries.js'
import { assertRoom, notPrepared, type EntrySets } from './entry-sets.js'
import { environmentDir } from './environment-file.js'
import { menuId } from './format/quote.js'
import { trialScript } from './format/trial-script.js'
import {
  parseRecord,
  parseUserCfg,
  passwordOf,
  printEfiUuid,
  printKernelEntry,
  printUkiEntry,
  printUserCfg,
  type KernelEntry,
  type UkiEntry,
} from './format/user-cfg.js'
import { pruneUkis } from './prune-ukis.js'
import { trialIdOf } from './trial.js'

const home = 'grub2'
const activeFile = `${home}/user.cfg`
const stagedFile = `${home}/user.cfg.staged`
const uuidFile = `${home}/efiuuid.cfg`
const ownPath = /^\/EFI\/Linux\/bootc\/[^/]+\.efi$/i

type Uki = Extract<BootArtifact, { kind: 'uki' }>

export interface UkiSets extends EntrySets {
  /** Take away what is prepared. */
  discard(): Promise<void>
  /** The visible step to a list without unified images, whose boot entries are in place. */
  end(): Promise<void>
}

export function isUki({ artifact }: BootSpec): boolean {
  return artifact.kind === 'uki'
}

/**
 * Unified kernel images: on the ESP, and named by `/boot/grub2/user.cfg`, which GRUB's configuration sources. The next
 * file is prepared beside it, and takes its place by one rename. It is the whole menu: kernels with an initramfs that
 * are in the list are in it too, in their place. Their boot entries follow, for other programs that read these.
 *
 * @see bootc 1.16.9 crates/lib/src/bootc_composefs/boot.rs, write_grub_uki_menuentry
 */
export function ukiSets(sysroot: Sysroot, bls: BlsSets): UkiSets {
  const { dir, bootPrefix, uuid: bootUuid } = lazyVolume(sysroot)
  const read = async (path: string) =>
    (await isDirectory(dir, home)) ? ((await readText(dir, path)) ?? '') : ''
  const entriesIn = async (path: string): Promise<OwnFile[]> => {
    const files: OwnFile[] = []
    for (const entry of parseUserCfg(await read(path))) {
      if (!('path' in entry)) files.push(toKernelFile(entry))
      else if (ownPath.test(entry.path)) files.push(await toFile(sysroot.esps[0]?.dir, entry))
    }
    // Without any of those it is not ours.
    return files.some(({ entry }) => entry.linux === undefined) ? files : []
  }
  const render = async (specs: readonly BootSpec[], version: BootVersion) => {
    const menu = menuOf(specs, bootPrefix)
    const password = passwordOf(await read(activeFile))
    const environment = `"(\${root})${bootPrefix}${await environmentDir(dir)}/grubenv"`
    const trial = { environment, trialId: trialIdOf(menu[0]!.text), hasFallback: menu.length > 1 }
    const kernels = menu.flatMap(({ kernel }) => kernel ?? [])
    return printUserCfg({
      entries: menu.map(({ text, kernel }) => (kernel ? printKernelEntry(kernel, bootUuid()) : text)),
      record: { version, kernels },
      ...{ password, choice: trialScript(trial) },
    })
  }
  const missingOf = async (specs: readonly BootSpec[]) => {
    const active = parseUserCfg(await read(activeFile)).flatMap((entry) =>
      'path' in entry ? [entry.path] : [],
    )
    return missingOnFat(requireEsp(sysroot).dir, placementsOf(specs), active)
  }
  /** Boot entries of the kernels in the list; undefined where there are none, and have been none. */
  const kernelsOf = async (specs: readonly BootSpec[]): Promise<readonly BootSpec[] | undefined> => {
    const kernels = specs.filter((spec) => !isUki(spec))
    return kernels.length > 0 || (await bls.active()).length > 0 ? kernels : undefined
  }

  return {
    version: async () => parseRecord(await read(activeFile)).version,
    active: () => entriesIn(activeFile),
    prepared: async () => (await entriesIn(stagedFile)).map(({ entry }) => entry),

    async plan(specs, version) {
      const missing = await missingOf(specs)
      const uuid = await uuidLine(sysroot)
      const kernels = await kernelsOf(specs)
      const behind = kernels && (await bls.plan(kernels, version))
      const same =
        missing.length === 0 &&
        behind?.changed !== true &&
        (uuid === undefined || (await read(uuidFile)).trim() === uuid) &&
        (await read(activeFile)) === (await render(specs, version))
      return { changed: !same, bytesNeeded: { boot: behind?.bytesNeeded.boot ?? 0, esp: bytesOf(missing) } }
    },

    firstText: (specs) => Promise.resolve(menuOf(specs, bootPrefix)[0]!.text),

    async prepare(specs, version, options) {
      const esp = requireEsp(sysroot)
      const missing = await missingOf(specs)
      const needBytes = bytesOf(missing)
      if (needBytes > 0) assertRoom('esp', needBytes, (await esp.dir.space()).freeBytes)
      const uuid = await uuidLine(sysroot)
      const text = await render(specs, version)
      options.signal?.throwIfAborted()
      // First, for the menu of boot entries names the environment beside it.
      if ((await dir.stat(home)) === undefined) await dir.mkdir(home, { mode: 0o755 })
      const kernels = await kernelsOf(specs)
      if (kernels !== undefined) {
        if ((await entriesIn(activeFile)).length > 0) await bls.makeRoom(version)
        await bls.prepare(kernels, version, options)
      }
      await copyToFat(esp.dir, missing, options)
      await esp.dir.sync()
      if (uuid !== undefined && (await read(uuidFile)).trim() !== uuid) {
        await replaceFile(dir, uuidFile, Buffer.from(uuid), 0o644)
      }
      await dir.write(stagedFile, Buffer.from(text), { mode: 0o644 })
    },

    async assertPrepared(specs, version) {
      if ((await read(stagedFile)) !== (await render(specs, version))) throw notPrepared(version)
      const kernels = await kernelsOf(specs)
      if (kernels !== undefined) await bls.assertPrepared(kernels, version)
    },

    async switchTo(specs, version) {
      const kernels = await kernelsOf(specs)
      await dir.sync()
      await dir.rename(stagedFile, activeFile)
      await dir.sync()
      // No boot looks at these now. A change that is cut off here does this part once more.
      if (kernels !== undefined) await bls.switchTo(kernels, version)
    },

    async prune(keep) {
      const prepared = await entriesIn(stagedFile)
      const names = new Set(keep.map(({ fileName }) => fileName))
      const isKept = prepared.some(({ fileName }) => names.has(fileName))
      if (!isKept && prepared.length > 0) await dir.remove(stagedFile)
      const used = [...(await entriesIn(activeFile)), ...(isKept ? prepared : [])]
      const esp = sysroot.esps[0]
      if (esp !== undefined) await pruneUkis(esp.dir, [...keep, ...used.map(({ entry }) => entry)])
    },

    async discard() {
      if (await isDirectory(dir, home)) await dir.remove(stagedFile)
    },

    async end() {
      const password = passwordOf(await read(activeFile))
      if (password === undefined) await dir.remove(activeFile)
      else await replaceFile(dir, activeFile, Buffer.from(`${password}\n`), 0o600)
      await dir.sync()
    },

    menuId: ({ fileName, entry }) =>
      entry.linux === undefined ? `${entry.title}${idSuffix(fileName)}` : menuId(fileName),
  }
}

/** Looking up the UUID takes a program; most commands never ask. */
function lazyVolume({ boot }: Sysroot) {
  const isSafe = (uuid: string | undefined) =>
    uuid !== undefined && /^[\w-]+$/.test(uuid) ? uuid : undefined
  return { dir: boot.dir, bootPrefix: boot.bootPrefix, uuid: () => isSafe(boot.uuid) }
}

interface MenuItem {
  /** What the entry on trial is named by. */
  readonly text: string
  readonly kernel?: KernelEntry
}

function menuOf(specs: readonly BootSpec[], bootPrefix: Volume['bootPrefix']): MenuItem[] {
  const kernels = renderEntries(
    specs.filter((spec) => !isUki(spec)),
    bootPrefix,
  ).values()
  return specs.map((spec) => {
    if (isUki(spec)) return { text: printSpec(spec) }
    const { fileName, text } = kernels.next().value as KernelEntry
    return { text, kernel: { fileName, text } }
  })
}

/** As bootc names entries: by title and by the digest in the file name. */
function printSpec({ title, artifact }: BootSpec): string {
  const { image, dir } = artifact as Uki
  return printUkiEntry(`${title}${idSuffix(image.name)}`, `/${dir}/${image.name}`)
}

function idSuffix(fileName: string): string {
  return `: (${fileName.replace(/^bootc_composefs-/, '').replace(/\.efi$/i, '')})`
}

function placementsOf(specs: readonly BootSpec[]): Placement[] {
  const placements = new Map<string, Placement>()
  for (const { artifact } of specs.filter(isUki)) {
    for (const placement of ukiPlacements(artifact as Uki)) {
      if (!placements.has(placement.path)) placements.set(placement.path, placement)
    }
  }
  return [...placements.values()]
}

function bytesOf(missing: readonly Placement[]): number {
  return missing.reduce((sum, { file }) => sum + file.sizeBytes, 0)
}

function toKernelFile({ fileName, text }: KernelEntry): OwnFile {
  return { fileName, text, entry: parseBlsEntry(text, fileName) }
}

async function toFile(esp: Dir | undefined, { title, path, text }: UkiEntry): Promise<OwnFile> {
  const fileName = path.slice(path.lastIndexOf('/') + 1)
  const file = inVolume(path)
  const parent = file.slice(0, file.lastIndexOf('/'))
  const isThere =
    esp !== undefined && (await isDirectory(esp, parent)) && (await esp.stat(file)) !== undefined
  const options = isThere ? ((await peText(esp, file, '.cmdline'))?.trim() ?? '') : ''
  const shown = title.endsWith(idSuffix(fileName)) ? title.slice(0, -idSuffix(fileName).length) : title
  const extra = [['efi', path]] as const
  return { fileName, text, entry: { fileName, title: shown, version: '', options, initrds: [], extra } }
}

function requireEsp({ boot, esps: [esp] }: Sysroot): Volume {
  if (esp !== undefined) return esp
  throw new BootcError('BOOT_UNSUPPORTED_VOLUME', 'a unified kernel image needs an EFI system partition', {
    details: { fsType: boot.fsType },
  })
}

/** @returns undefined where a file is there already and the UUID is not known here */
async function uuidLine(sysroot: Sysroot): Promise<string | undefined> {
  const { dir } = sysroot.boot
  const { uuid, fsType } = requireEsp(sysroot)
  if (uuid !== undefined && /^[\w-]+$/.test(uuid)) return printEfiUuid(uuid)
  if ((await isDirectory(dir, home)) && (await dir.stat(uuidFile)) !== undefined) return undefined
  throw new BootcError('BOOT_UNSUPPORTED_VOLUME', 'the UUID of the EFI system partition is not known', {
    details: { fsType },
  })
}
