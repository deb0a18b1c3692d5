import type { ReadTree } from '@bootc-sdk/core'
import { compareUapiVersions } from '@bootc-sdk/core/bls'
import { isDirectory, readAll } from '@bootc-sdk/core/boot-kit'

/** A program or file for an ESP. */
export interface EspFile {
  /** On the ESP, below its root. */
  readonly to: string
  readonly data: Buffer
}

export interface EfiPayload {
  /** In the order in which they are written: what starts others comes behind these. */
  readonly files: readonly EspFile[]
  /** Directory of `EFI` where the programs look for `grub.cfg`. */
  readonly vendor: string
}

const bootupdDir = 'usr/lib/bootupd/updates/EFI'
const componentsDir = 'usr/lib/efi'

/** `x64`, `aa64`: how names of programs end. */
const efiArch: Readonly<Record<string, { readonly suffix: string; readonly grub: string }>> = {
  amd64: { suffix: 'x64', grub: 'x86_64-efi' },
  arm64: { suffix: 'aa64', grub: 'arm64-efi' },
}

/** Platform of GRUB's modules for EFI; undefined for architectures without. */
export function efiPlatform(arch: string): 'x86_64-efi' | 'arm64-efi' | undefined {
  return efiArch[arch]?.grub as 'x86_64-efi' | 'arm64-efi' | undefined
}

/** The firmware's own name for a program on a disk that it has no entry for. */
export function removableName(arch: string): string {
  return `BOOT${(efiArch[arch]?.suffix ?? 'x64').toUpperCase()}.EFI`
}

/** Trees for ESPs that the image brings for bootupd: `EFI/<vendor>/…`, `EFI/BOOT/…`. */
export async function bootupdPayload(tree: ReadTree): Promise<EfiPayload | undefined> {
  const roots = (await isDirectory(tree, bootupdDir)) ? [bootupdDir] : await componentRoots(tree)
  const files: EspFile[] = []
  for (const root of roots) files.push(...(await filesBelow(tree, root, 'EFI')))
  const grub = files.find(({ to }) => /^EFI\/(?!BOOT\/)[^/]+\/grub[a-z0-9]+\.efi$/i.test(to))
  if (grub === undefined) return undefined
  return { files: inOrder(files), vendor: grub.to.split('/')[1]! }
}

/** `usr/lib/efi/<component>/<version>/EFI`, the newest of each. @see bootupd 0.2.35 src/efi.rs */
async function componentRoots(tree: ReadTree): Promise<string[]> {
  if (!(await isDirectory(tree, componentsDir))) return []
  const roots: string[] = []
  for await (const { name, stat } of tree.list(componentsDir)) {
    if (stat.type !== 'directory') continue
    const versions: string[] = []
    for await (const { name: version } of tree.list(`${componentsDir}/${name}`)) {
      if (await isDirectory(tree, `${componentsDir}/${name}/${version}/EFI`)) versions.push(version)
    }
    const newest = versions.sort(compareUapiVersions).at(-1)
    if (newest !== undefined) roots.push(`${componentsDir}/${name}/${newest}/EFI`)
  }
  return roots
}

async function filesBelow(tree: ReadTree, from: string, to: string): Promise<EspFile[]> {
  const files: EspFile[] = []
  for await (const { name, stat } of tree.list(from)) {
    const [source, target] = [`${from}/${name}`, `${to}/${name}`]
    if (stat.type === 'directory') files.push(...(await filesBelow(tree, source, target)))
    else if (stat.type === 'file') files.push({ to: target, data: await readAll(tree, source) })
  }
  return files
}

/**
 * Programs as Debian's packages bring them: a signed GRUB with shim where that is there, also a GRUB that lies beside
 * the kernel, or the unsigned one of a package. A GRUB looks in the directory that was built into it.
 */
export async function packagedPayload(tree: ReadTree, arch: string): Promise<EfiPayload | undefined> {
  const known = efiArch[arch]
  if (known === undefined) return undefined
  const { suffix, grub: platform } = known
  const kernels = await childrenOf(tree, 'usr/lib/modules')
  const grub = await firstFile(tree, [
    `usr/lib/grub/${platform}-signed/grub${suffix}.efi.signed`,
    ...kernels.map((name) => `usr/lib/modules/${name}/grub${suffix}.efi.signed`),
    `usr/lib/grub/${platform}/monolithic/grub${suffix}.efi`,
  ])
  if (grub === undefined) return undefined
  const vendor = builtInVendor(grub) ?? (await osId(tree))
  // For a menu that another program has not written. Signed programs of GRUB 2.14 have it beside them.
  const bls = await firstFile(tree, [`usr/lib/grub/${platform}/blsuki.mod`])
  const module = bls === undefined ? [] : [{ to: `EFI/${vendor}/${platform}/blsuki.mod`, data: bls }]
  const shimFile = (name: string) =>
    firstFile(tree, [`usr/lib/shim/${name}${suffix}.efi.signed`, `usr/lib/shim/${name}${suffix}.efi`])
  const shim = await shimFile('shim')
  const removable = `EFI/BOOT/${removableName(arch)}`
  const both = (name: string, data: Buffer | undefined) =>
    data === undefined ? [] : ['BOOT', vendor].map((home) => ({ to: `EFI/${home}/${name}`, data }))
  if (shim === undefined) {
    return {
      vendor,
      files: [
        ...module,
        { to: `EFI/${vendor}/grub${suffix}.efi`, data: grub },
        { to: removable, data: grub },
      ],
    }
  }
  const fallback = await shimFile('fb')
  const list = await firstFile(tree, [`usr/lib/shim/BOOT${suffix.toUpperCase()}.CSV`])
  return {
    vendor,
    files: [
      ...module,
      ...both(`grub${suffix}.efi`, grub),
      ...both(`mm${suffix}.efi`, await shimFile('mm')),
      ...(list === undefined ? [] : [{ to: `EFI/${vendor}/BOOT${suffix.toUpperCase()}.CSV`, data: list }]),
      // Registers what the list names; without one it would find nothing.
      ...(fallback === undefined || list === undefined
        ? []
        : [{ to: `EFI/BOOT/fb${suffix}.efi`, data: fallback }]),
      { to: `EFI/${vendor}/shim${suffix}.efi`, data: shim },
      { to: removable, data: shim },
    ],
  }
}

/** A core made of modules goes to the same places. */
export function corePayload(arch: string, vendor: string, image: Buffer): EfiPayload {
  const name = `grub${efiArch[arch]!.suffix}.efi`
  const places = [`EFI/${vendor}/${name}`, `EFI/BOOT/${removableName(arch)}`]
  return { vendor, files: places.map((to) => ({ to, data: image })) }
}

/** The prefix is a text of its own among the data. */
function builtInVendor(grub: Buffer): string | undefined {
  const match = /\/EFI\/([A-Za-z0-9][A-Za-z0-9._-]*)\0/.exec(grub.toString('latin1'))
  return match?.[1] === 'BOOT' ? undefined : match?.[1]
}

export async function osId(tree: ReadTree): Promise<string> {
  const data = await firstFile(tree, ['usr/lib/os-release', 'etc/os-release'])
  const id = data && /^ID="?([A-Za-z0-9][A-Za-z0-9._-]*)"?$/m.exec(data.toString('utf8'))?.[1]
  return id ?? 'linux'
}

async function firstFile(tree: ReadTree, paths: readonly string[]): Promise<Buffer | undefined> {
  for (const path of paths) {
    const parent = path.slice(0, path.lastIndexOf('/'))
    if ((await isDirectory(tree, parent)) && (await tree.stat(path))?.type === 'file')
      return readAll(tree, path)
  }
  return undefined
}

async function childrenOf(tree: ReadTree, path: string): Promise<string[]> {
  const names: string[] = []
  if (await isDirectory(tree, path)) for await (const { name } of tree.list(path)) names.push(name)
  return names
}

/** GRUB, then what starts it, then what firmware starts. */
function inOrder(files: readonly EspFile[]): EspFile[] {
  const rank = ({ to }: EspFile) => (/^EFI\/BOOT\/BOOT/i.test(to) ? 2 : /\/shim[^/]*$/i.test(to) ? 1 : 0)
  return [...files].sort((a, b) => rank(a) - rank(b))
}
