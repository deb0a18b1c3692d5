import { BootcError, type ReadTree } from '@bootc-sdk/core'
import { parseKeyfile } from '@bootc-sdk/core/keyfile'
import { readText } from '@bootc-sdk/core/store-kit'

/** In a deployment, where the first one counts. */
const paths = ['usr/etc', 'etc', 'usr/lib'].map((dir) => `${dir}/ostree/prepare-root.conf`)

/** With these ostree-prepare-root mounts `.ostree.cfs` or fails; with `maybe` it does without. */
const required = new Set(['yes', 'true', '1', 'verity', 'signed'])

/**
 * Does a deployment start from its composefs image only? Undefined: it has no settings, which means no.
 *
 * @see ostree-prepare-root(1) of ostree 2026.4, `[composefs] enabled`
 */
export async function requiresComposefs(tree: ReadTree): Promise<boolean | undefined> {
  for (const path of paths) {
    const text = await readText(tree, path)
    if (text !== undefined)
      return required.has(parseKeyfile(text).get('composefs', 'enabled')?.trim() ?? 'no')
  }
  return undefined
}

/** Deployments are made without `.ostree.cfs`. @throws BootcError `DEPLOY_COMPOSEFS_REQUIRED` */
export async function assertBootsWithoutComposefs(tree: ReadTree): Promise<void> {
  if ((await requiresComposefs(tree)) !== true) return
  throw new BootcError(
    'DEPLOY_COMPOSEFS_REQUIRED',
    'prepare-root.conf of the image starts it from a composefs image only, which deployments in an OSTree repository are made without',
  )
}
