import assert from 'node:assert/strict'
import { joinPath } from '@bootc-sdk/core/names'
import type { ReadTree } from '@bootc-sdk/core'
import { describeTree, type MemoryDisks } from '@bootc-sdk/core/testing'
import type { Running } from './machine.js'

/** /etc as it must be after the edits of `editEtc` were carried into an image of this version. */
export async function assertMergedEtc(running: Running, version: string): Promise<void> {
  const { boot } = running
  const expected: Record<string, string | undefined> = {
    'etc/hostname': 'machine-1\n',
    'etc/local.conf': 'made here\n',
    'etc/removed-by-admin': undefined,
    'etc/untouched.conf': 'default\n',
    'etc/app.conf': `level = ${version}\n`,
    [`etc/added-in-${version}`]: 'new default\n',
    'etc/app.d/defaults': 'colour = blue\n',
    'etc/legacy.conf': Number(version) >= 2 ? undefined : 'old default\n',
    'var/lib/seed': 'copied once\n',
  }
  for (const [path, content] of Object.entries(expected)) {
    assert.equal(await boot.read(path), content, `${path} of version ${version}`)
  }
}

/** Everything on a machine's disks in words; equal texts mean that nothing was changed. */
export async function diskText({ root, boot, esp }: MemoryDisks): Promise<string> {
  const lines = await describeTree(root)
  for (const volume of [boot, esp]) if (volume !== undefined) lines.push(...(await describeTree(volume)))
  return lines.join('\n')
}

const temporary = /^(?:\.bootc-sdk-.*\.tmp|.*\.tmp|staging-.*|tmpobject-.*|\.tmp.*)$/

/**
 * Temporary files that a clean system must not have: entries of a directory `tmp` of a store, and names that
 * only temporary files have. Deployed images are left out; they may hold anything.
 */
export async function leftovers(tree: ReadTree, path = ''): Promise<string[]> {
  const found: string[] = []
  for await (const { name, stat } of tree.list(path)) {
    const full = joinPath(path, name)
    const inStoreTmp = /(?:^|\/)tmp$/.test(path)
    // Caches and locks of a repository live in its tmp for good.
    if ((inStoreTmp && name !== 'cache' && !name.endsWith('lock')) || temporary.test(name)) found.push(full)
    else if (stat.type === 'directory' && !(await isDeployedRoot(tree, full))) {
      found.push(...(await leftovers(tree, full)))
    }
  }
  return found
}

async function isDeployedRoot(tree: ReadTree, path: string): Promise<boolean> {
  return path !== '' && (await tree.stat(`${path}/usr`)) !== undefined
}

export async function assertClean(disks: MemoryDisks): Promise<void> {
  const { root, boot, esp } = disks
  assert.deepEqual(await leftovers(root), [], 'temporary files on the root file system')
  if (boot !== undefined) assert.deepEqual(await leftovers(boot), [], 'temporary files on the boot volume')
  if (esp !== undefined) assert.deepEqual(await leftovers(esp), [], 'temporary files on the ESP')
}
