import type { ReadTree } from '@bootc-sdk/core'
import { parseKeyfile } from '@bootc-sdk/core/keyfile'
import { readText } from '@bootc-sdk/core/store-kit'

/** In a deployment, where the first one counts. */
const paths = ['usr/etc', 'etc', 'usr/lib'].map((dir) => `${dir}/ostree/prepare-root.conf`)

/**
 * What ostree-prepare-root does with `.ostree.cfs`: `maybe` mounts it where it is there, `yes` fails without it, `verity`
 * also where a file has not the digest the image says, `signed` also where the image is not the one of a signed commit.
 */
export type ComposefsSetting = 'no' | 'maybe' | 'yes' | 'verity' | 'signed'

const words = new Map<string | undefined, ComposefsSetting>([
  ...(['yes', 'true', '1'] as const).map((word) => [word, 'yes'] as const),
  ...(['maybe', 'verity', 'signed'] as const).map((word) => [word, word] as const),
])

/**
 * Undefined: it has no settings, which means no.
 *
 * @see ostree-prepare-root(1) of ostree 2026.4, `[composefs] enabled`
 */
export async function composefsSetting(tree: ReadTree): Promise<ComposefsSetting | undefined> {
  for (const path of paths) {
    const text = await readText(tree, path)
    if (text === undefined) continue
    return words.get(parseKeyfile(text).get('composefs', 'enabled')?.trim()) ?? 'no'
  }
  return undefined
}

/** With these ostree-prepare-root mounts `.ostree.cfs` or fails. */
export function isRequired(setting: ComposefsSetting | undefined): boolean {
  return setting === 'yes' || needsVerity(setting)
}

export function needsVerity(setting: ComposefsSetting | undefined): boolean {
  return setting === 'verity' || setting === 'signed'
}
