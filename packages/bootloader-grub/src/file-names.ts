import { BootcError } from '@bootc-sdk/core'
import type { BootSpec } from '@bootc-sdk/core'
import { sortForGrub } from '@bootc-sdk/core/bls'

/**
 * File names for a list, first = default. GRUB's menu is in the order of file names and knows no other, so
 * where the names that specs bring would sort otherwise, those of sets that are exchanged get new ones: the
 * tools that share such a set find entries by what is in them. bootc itself keeps its names
 * (`bootc_<os>-<version>-<0|1>`), and then a rollback to an older version does not change what boots.
 *
 * @throws BootcError `BOOT_ENTRY_INVALID` for equal names, and for an order that no names give
 */
export function fileNamesFor(specs: readonly BootSpec[]): string[] {
  const own = specs.map(({ fileName }, index) => fileName ?? `ostree-${specs.length - index}.conf`)
  // libostree goes by the field `version`, and its names are fixed.
  if (!specs.some(({ entrySet }) => entrySet === 'exchange')) return unique(own)
  for (const names of [own, numbered(specs, own)]) if (isInOrder(names)) return names
  throw new BootcError('BOOT_ENTRY_INVALID', 'no file names put these boot entries into their order', {
    details: { fileNames: own },
  })
}

/**
 * Names of exchanged entries made equal but for a number that counts down: the part up to the last `-` is that
 * of the first one. Before entries of libostree they need a name that sorts higher than `ostree`.
 */
function numbered(specs: readonly BootSpec[], own: readonly string[]): string[] {
  const isFree = (index: number) => specs[index]!.entrySet === 'exchange'
  const first = own[specs.findIndex((_, index) => isFree(index))]!
  const stem = first.replace(/(?:-[^-]*)?\.conf$/, '')
  const lastFixed = specs.findLastIndex((_, index) => !isFree(index))
  const width = String(specs.length - 1).length
  return own.map((name, index) => {
    if (!isFree(index)) return name
    const number = String(specs.length - 1 - index).padStart(width, '0')
    return `${index < lastFixed ? 'z_' : ''}${stem}-${number}.conf`
  })
}

/** By GRUB's comparison and by bytes (which bootc takes for GRUB's), without equal names. */
function isInOrder(names: readonly string[]): boolean {
  const entry = (fileName: string) => ({
    fileName,
    title: '',
    version: '',
    options: '',
    initrds: [],
    extra: [],
  })
  // Equal names for GRUB keep their place in a sort of either direction.
  const sorted = [names, names.toReversed()].map((list) => sortForGrub(list.map(entry)))
  return (
    new Set(names).size === names.length &&
    sorted.every((list) => list.every(({ fileName }, index) => fileName === names[index])) &&
    names.every(
      (name, index) => index === 0 || Buffer.compare(Buffer.from(names[index - 1]!), Buffer.from(name)) > 0,
    )
  )
}

function unique(names: string[]): string[] {
  if (new Set(names).size === names.length) return names
  throw new BootcError('BOOT_ENTRY_INVALID', 'two boot entries would have the same file name', {
    details: { fileNames: names },
  })
}
