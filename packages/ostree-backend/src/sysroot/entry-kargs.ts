import type { Dir, DeploymentId } from '@bootc-sdk/core'
import { bootLinkOf, followBootLink } from './boot-links.js'
import { deploymentId } from './layout.js'
import { readText } from '@bootc-sdk/core/store-kit'

/**
 * Kernel arguments of a deployment by its boot entry. Only for staged records of other tools that leave them
 * out, which means: those of the deployment that is merged from.
 */
export async function entryKargs(root: Dir, boot: Dir, id: DeploymentId): Promise<string[] | undefined> {
  const loader = await boot.stat('loader')
  const directory = loader?.type === 'symlink' ? (await boot.readlink('loader')).replace(/\/$/, '') : 'loader'
  if (!/^[\w.-]+$/.test(directory)) return undefined
  const entries = `${directory}/entries`
  if ((await boot.stat(entries))?.type !== 'directory') return undefined
  for await (const { name } of boot.list(entries)) {
    if (!/^ostree-.*\.conf$/.test(name)) continue
    const options = /^options[ \t]+(.*)$/m.exec((await readText(boot, `${entries}/${name}`)) ?? '')?.[1]
    const link = options === undefined ? undefined : bootLinkOf(options)
    const found = link && (await followBootLink(root, link))
    if (found !== undefined && deploymentId(found) === id) return options!.split(/\s+/).filter(Boolean)
  }
  return undefined
}
