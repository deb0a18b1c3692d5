import type { Dir, Host, LoaderInstallOptions, LoaderProgram, ReadTree, Warning } from '@bootc-sdk/core'
import { compareUapiVersions } from '@bootc-sdk/core/bls'
import {
  isDirectory,
  onEveryEsp,
  readAll,
  registerWithFirmware,
  replaceOnFat,
} from '@bootc-sdk/core/boot-kit'
import { installedLoaders, loaderHome, removableHome } from './installed.js'
import { layOut, layOutEsp, seedRandom } from './loader-files.js'
import { loaderVersion } from './pe.js'
import type { BootVolumes } from './volume.js'

const shippedDir = 'usr/lib/systemd/boot/efi'
/** Of bootc's images: `<name>/*.auth`. @see bootc.md §19 in the format documents */
const enrolmentDir = 'usr/lib/bootc/install/secureboot-keys'
/** As bootctl names it in the firmware's menu. */
const label = 'Linux Boot Manager'

/** A loader program that an image brings. */
interface Program {
  /** `systemd-bootx64.efi`. */
  readonly name: string
  /** `BOOTX64.EFI`: what firmware starts from a disk that it has no entry for. */
  readonly removable: string
  readonly version: string
  readonly path: string
}

/**
 * What `bootctl install` and `bootctl update` do, from an image's own files: programs, the files beside them,
 * keys to enrol; on every ESP.
 */
export async function installLoader(
  host: Host,
  volumes: BootVolumes,
  options: LoaderInstallOptions,
): Promise<Warning[]> {
  const { tree, update = false, randomSeed = true, firmwareVariables = false } = options
  const { esps } = volumes
  const warnings: Warning[] = []
  const warn = (code: string, message: string, details: Warning['details'] = {}) => {
    warnings.push({ code, message, details })
  }
  if (!update) await layOut(volumes)
  if (esps.length === 0)
    warn('boot:no-esp', 'no EFI system partition is mounted, so no loader was put on one')
  const programs = tree === undefined ? [] : await shippedPrograms(tree)
  if (programs.length === 0) {
    const message = `the image brings no systemd-boot in /${shippedDir}, so none was installed`
    warn('boot:loader-missing', message, { path: shippedDir })
  }
  warnings.push(
    ...(await onEveryEsp(esps, options, async (esp) => {
      for (const program of programs) await installProgram(tree!, esp.dir, program, update)
      if (update) return []
      await layOutEsp(esp.dir)
      if (tree !== undefined) await copyKeys(tree, esp.dir)
      return randomSeed ? seedRandom(esp.dir) : []
    })),
  )
  if (!update && firmwareVariables && programs.length > 0) {
    warnings.push(...(await registerWithFirmware(host, esps, { ...options, label, programOn })))
  }
  return warnings
}

/** Programs on every ESP, beside what the image brings. */
export async function loaderPrograms(
  { esps }: BootVolumes,
  tree: ReadTree | undefined,
): Promise<LoaderProgram[]> {
  const shipped = tree === undefined ? [] : await shippedPrograms(tree)
  const programs: LoaderProgram[] = []
  for (const [index, { dir }] of esps.entries()) {
    const volume = dir.hostPath ?? `ESP ${index + 1}`
    for (const { path, version } of await installedLoaders(dir)) {
      const other = shipped.find((program) =>
        placesOf(program).some((place) => place.toLowerCase() === path.toLowerCase()),
      )
      const outdated = other !== undefined && isOlder(version, other)
      programs.push({ volume, path, version, ...(other && { shipped: other.version }), outdated })
    }
  }
  return programs
}

function placesOf({ name, removable }: Program): string[] {
  return [`${loaderHome}/${name}`, `${removableHome}/${removable}`]
}

/** Versions do not go back. */
function isOlder(version: string, program: Program): boolean {
  return compareUapiVersions(version, program.version) < 0
}

async function programOn(esp: Dir): Promise<string | undefined> {
  const found = await installedLoaders(esp)
  return found.find(({ path }) => path.startsWith(`${loaderHome}/`))?.path
}

async function shippedPrograms(tree: ReadTree): Promise<Program[]> {
  const programs = new Map<string, Program>()
  if (!(await isDirectory(tree, shippedDir))) return []
  for await (const { name, stat } of tree.list(shippedDir)) {
    const match = /^(systemd-boot([a-z0-9]+)\.efi)(\.signed)?$/.exec(name)
    if (match === null || stat.type !== 'file') continue
    const [, base, arch, signed] = match as unknown as [string, string, string, string | undefined]
    // The one with a signature sorts behind the one without.
    if (programs.has(base) && signed === undefined) continue
    const path = `${shippedDir}/${name}`
    const version = (await loaderVersion(tree, path)) ?? '0'
    programs.set(base, { name: base, removable: `BOOT${arch.toUpperCase()}.EFI`, version, path })
  }
  return [...programs.values()]
}

async function installProgram(tree: ReadTree, esp: Dir, program: Program, update: boolean): Promise<void> {
  const data = await readAll(tree, program.path)
  const installed = new Map(
    (await installedLoaders(esp)).map(({ path, version }) => [path.toLowerCase(), version]),
  )
  for (const path of placesOf(program)) {
    const version = installed.get(path.toLowerCase())
    // What is not systemd-boot is not ours to update.
    if (update && (version === undefined || !isOlder(version, program))) continue
    await replaceOnFat(esp, path, data)
  }
}

async function copyKeys(tree: ReadTree, esp: Dir): Promise<void> {
  if (!(await isDirectory(tree, enrolmentDir))) return
  for await (const { name, stat } of tree.list(enrolmentDir)) {
    if (stat.type !== 'directory') continue
    for await (const file of tree.list(`${enrolmentDir}/${name}`)) {
      if (file.stat.type !== 'file' || !file.name.endsWith('.auth')) continue
      const data = await readAll(tree, `${enrolmentDir}/${name}/${file.name}`)
      await replaceOnFat(esp, `loader/keys/${name}/${file.name}`, data)
    }
  }
}
