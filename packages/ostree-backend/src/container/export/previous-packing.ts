import type { ImageManifest } from '@bootc-sdk/core'
import { compareNames } from '@bootc-sdk/core/names'
import { invalid } from '../../format/errors.js'
import { componentsAnnotation, componentSeparator } from '../names.js'
import type { Component } from './packing.js'

/**
 * Names of components by layer, as an image's manifest says; the first layer, with the commit, has none.
 *
 * @throws BootcError `STORE_OSTREE_INVALID` when a layer does not say it
 */
export function previousPacking({ layers }: Pick<ImageManifest, 'layers'>): string[][] {
  return layers.slice(1).map(({ digest, annotations }) => {
    const names = annotations?.[componentsAnnotation]
    if (names === undefined) {
      throw invalid('previous image', `layer ${digest} has no annotation ${componentsAnnotation}`)
    }
    return names.split(componentSeparator)
  })
}

/**
 * Put components where they were in the build before, so that layers without a change stay the same: new ones go to
 * the last layer, which is kept for them.
 *
 * @returns undefined when that is not possible: more layers than allowed, or several components of one name
 * @see bootc 1.16.9, ostree-ext chunking.rs, basic_packing_with_prior_build
 */
export function packAsBefore(
  components: readonly Component[],
  bins: number,
  previous: readonly (readonly string[])[],
): Component[][] | undefined {
  const byName = new Map(components.map((component) => [component.name, component]))
  if (previous.length === 0 || byName.size !== components.length) return undefined
  const before = new Set(previous.flat())
  const added = [...byName.keys()].filter((name) => !before.has(name)).sort(compareNames)
  const last = previous.length - 1
  const kept = previous
    .map((names, i) => (i === last ? [...names.filter((name) => name !== ''), ...added] : names))
    // A layer without components has one empty name, and stays.
    .map((names) => names.filter((name) => name === '' || byName.has(name)))
    .filter((names, i) => names.length > 0 || i === last)
  if (kept.length > bins) return undefined
  const packed = kept.map((names) => names.flatMap((name) => byName.get(name) ?? []))
  return packed.flat().length === components.length ? packed : undefined
}
