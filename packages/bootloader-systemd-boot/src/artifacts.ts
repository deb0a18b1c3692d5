import type { BootFile, BootSpec } from '@bootc-sdk/core'
import { ukiPlacements, type Placement } from '@bootc-sdk/core/boot-kit'

/** Directories of unified kernel images are given in full; those of bootc's kernels are in `EFI/Linux` on an ESP. */
export function directoryOnVolume({ artifact: { dir }, entrySet }: BootSpec): string {
  return entrySet === 'exchange' && !dir.startsWith('EFI/') ? `EFI/Linux/${dir}` : dir
}

/** Every file the specs need, each once: deployments with the same kernel share a directory. */
export function placementsOf(specs: readonly BootSpec[]): Placement[] {
  const placements = new Map<string, Placement>()
  for (const spec of specs) {
    const { artifact } = spec
    const dir = directoryOnVolume(spec)
    const add = (file: BootFile, path: string) => {
      if (!placements.has(path)) placements.set(path, { file, path })
    }
    if (artifact.kind === 'uki') {
      for (const { file, path } of ukiPlacements(artifact)) add(file, path)
    } else {
      const { kernel, initrds, devicetree, extra = [] } = artifact
      for (const file of [kernel, ...initrds, ...(devicetree === undefined ? [] : [devicetree]), ...extra]) {
        add(file, `${dir}/${file.name}`)
      }
    }
  }
  return [...placements.values()]
}
