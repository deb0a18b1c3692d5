import type { Dir } from '@bootc-sdk/core'
import { deployRoot } from './layout.js'
import { repoPath } from './repo-path.js'
import { listStateroots } from './scan.js'

/** Names under which `Dir.write` and the link switch work before they rename. */
const temporaryName = /^(?:\.bootc-sdk-[^/]*\.tmp|boot\.[01]\.tmp)$/

/** Remove what a power cut left of single files in the directories this package writes them to. */
export async function cleanTemporary(root: Dir): Promise<void> {
  const directories = ['ostree', repoPath]
  for (const stateroot of await listStateroots(root)) directories.push(`${deployRoot}/${stateroot}/deploy`)
  for (const directory of directories) {
    if ((await root.stat(directory))?.type !== 'directory') continue
    const found: string[] = []
    for await (const { name } of root.list(directory)) if (temporaryName.test(name)) found.push(name)
    for (const name of found) await root.remove(`${directory}/${name}`)
  }
}
