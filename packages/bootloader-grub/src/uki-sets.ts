import { BootcError } from '@bootc-sdk/core'
import type { BootArtifact, BootSpec, Dir, Sysroot, Volume } from '@bootc-sdk/core'
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
import type { OwnFile } from './entries.js'
import { assertRoom, notPrepared, type EntrySets } from './entry-sets.js'
import { trialScript } from './format/trial-script.js'
import {
  parseUserCfg,
  passwordOf,
  printEfiUuid,
  printUkiEntry,
  printUserCfg,
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

/**
 * Unified kernel images: on the ESP, and named by `/boot/grub2/user.cfg`, which GRUB's configuration sources. The next
 * file is prepared beside it, and takes its place by one rename.
 *
 * @see bootc 1.16.9 crates/lib/src/bootc_composefs/boot.rs, write_grub_uki_menuentry
 */
export function ukiSets(sysroot: Sysroot): EntrySets {
  const { dir, bootPrefix } = sysroot.boot
  const read = async (path: string) =>
    (await isDirectory(dir, home)) ? ((await readText(dir, path)) ?? '') : ''
  const entriesIn = async (path: string): Promise<OwnFile[]> => {
    const found = parseUserCfg(await read(path)).filter((entry) => ownPath.test(entry.path))
    const files: OwnFile[] = []
    for (const entry of found) files.push(await toFile(sysroot.esps[0]?.dir, entry))
    return files
  }
  const render = async (specs: readonly BootSpec[]) => {
    const entries = specs.map(printSpec)
    const password = passwordOf(await read(activeFile))
    const environment = `"(\${root})${bootPrefix}${home}/grubenv"`
    const trial = { environment, trialId: trialIdOf(entries[0]!), hasFallback: entries.length > 1 }
    return printUserCfg({ entries, password, choice: trialScript(trial) })
  }
  const missingOf = async (specs: readonly BootSpec[]) => {
    const active = parseUserCfg(await read(activeFile)).map(({ path }) => path)
    return missingOnFat(requireEsp(sysroot).dir, placementsOf(specs), active)
  }

  return {
    version: () => Promise.resolve(undefined),
    active: () => entriesIn(activeFile),
    prepared: async () => (await entriesIn(stagedFile)).map(({ entry }) => entry),

    async plan(specs) {
      const missing = await missingOf(specs)
      const uuid = await uuidLine(sysroot)
      const same =
        missing.length === 0 &&
        (uuid === undefined || (await read(uuidFile)).trim() === uuid) &&
        (await read(activeFile)) === (await render(specs))
      return { changed: !same, bytesNeeded: { boot: 0, esp: bytesOf(missing) } }
    },

    firstText: (specs) => Promise.resolve(printSpec(specs[0]!)),

    async prepare(specs, _version, options) {
      const esp = requireEsp(sysroot)
      const missing = await missingOf(specs)
      const needBytes = bytesOf(missing)
      if (needBytes > 0) assertRoom('esp', needBytes, (await esp.dir.space()).freeBytes)
      const uuid = await uuidLine(sysroot)
      const text = await render(specs)
      options.signal?.throwIfAborted()
      await copyToFat(esp.dir, missing, options)
      await esp.dir.sync()
      if ((await dir.stat(home)) === undefined) await dir.mkdir(home, { mode: 0o755 })
      if (uuid !== undefined && (await read(uuidFile)).trim() !== uuid) {
        await replaceFile(dir, uuidFile, Buffer.from(uuid), 0o644)
      }
      await dir.write(stagedFile, Buffer.from(text), { mode: 0o644 })
    },

    async assertPrepared(specs, version) {
      if ((await read(stagedFile)) !== (await render(specs))) throw notPrepared(version)
    },

    async switchTo() {
      await dir.sync()
      await dir.rename(stagedFile, activeFile)
      await dir.sync()
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

    menuId: ({ entry }) => `${entry.title}${idSuffix(entry.fileName)}`,
  }
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
  for (const { artifact } of specs) {
    for (const placement of ukiPlacements(artifact as Uki)) {
      if (!placements.has(placement.path)) placements.set(placement.path, placement)
    }
  }
  return [...placements.values()]
}

function bytesOf(missing: readonly Placement[]): number {
  return missing.reduce((sum, { file }) => sum + file.sizeBytes, 0)
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
