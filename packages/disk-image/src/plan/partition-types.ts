/**
 * Partition types of the Discoverable Partitions Specification and of firmware, as GPT type GUIDs.
 *
 * @see UAPI.2 Discoverable Partitions Specification; bootc's types are the same
 */
export const partitionTypes = {
  'bios-boot': '21686148-6449-6E6F-744E-656564454649',
  prep: '9E1A2D38-C612-4316-AA26-8B49521E5A8B',
  esp: 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B',
  xbootldr: 'BC13C2FF-59E6-4262-A352-B275FD6F7172',
  var: '4D21B016-B534-45C2-A9FB-5C16E091FD2D',
  'var-tmp': '7EC6F557-3BC5-4ACA-B293-16EF5DF639D1',
  home: '933AC7E1-2EB4-4F13-B844-0E14E2AEF915',
  srv: '3B8F8425-20E0-4F3B-907F-1A25A76F98E8',
  /** Of Linux, for nothing in particular. */
  data: '0FC63DAF-8483-4772-8E79-3D69D8477DE4',
} as const

interface Architecture {
  readonly rootType: string
  /** Partitions that firmware wants beside the root, by way of booting. */
  readonly uefi: boolean
  readonly bios?: 'bios-boot' | 'prep'
  /** Boots with neither of both: the loader's blocks are on the root. */
  readonly bare?: boolean
}

/** By OCI (Go) name. */
export const architectures: Readonly<Record<string, Architecture>> = {
  amd64: { rootType: '4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709', uefi: true, bios: 'bios-boot' },
  arm64: { rootType: 'B921B045-1DF0-41C3-AF44-4C6F280D3FAE', uefi: true },
  arm: { rootType: '69DAD710-2CE4-4E3C-B16C-21A1D49ABED3', uefi: true },
  riscv64: { rootType: '72EC70A6-CF74-40E6-BD49-4BDA08E8F224', uefi: true },
  loong64: { rootType: '77055800-792C-4F94-B39A-98C91B762BB6', uefi: true },
  ppc64: { rootType: '912ADE1D-A839-4913-8964-A10EEE08FBD2', uefi: false, bios: 'prep' },
  ppc64le: { rootType: 'C31C45E6-3F39-412E-80FB-4809C4980599', uefi: false, bios: 'prep' },
  s390x: { rootType: '5EEAD9A9-FE09-4A1E-A1D7-520D00531306', uefi: false, bare: true },
}

/** The names that kernels and Rust use, for those that OCI uses. */
const aliases: Readonly<Record<string, string>> = {
  x86_64: 'amd64',
  aarch64: 'arm64',
  powerpc64: 'ppc64le',
  loongarch64: 'loong64',
}

export function findArchitecture(name: string): Architecture | undefined {
  const known = aliases[name] ?? name
  return Object.hasOwn(architectures, known) ? architectures[known] : undefined
}
