import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { SimulatedBoot } from '@bootc-sdk/core/testing'
import type { Dir } from '@bootc-sdk/core'
import { readText } from '@bootc-sdk/core/testing'

/**
 * The menu that lies beside the entries for a GRUB without blscfg boots the same as these: same order, kernels,
 * arguments; and counts for the same entry. Reads the script by itself.
 */
export async function assertGrubMenu(boot: Dir, { loader, menu }: SimulatedBoot): Promise<void> {
  if (loader !== 'blscfg') return
  const isLinked = (await boot.stat('loader'))?.type === 'symlink'
  const home = isLinked ? await boot.readlink('loader') : 'loader/entries'
  const text = await readText(boot, `${home}/grub.cfg`)
  assert.ok(text, `${home}/grub.cfg is there`)
  const blocks = [
    ...text.matchAll(/^menuentry .* --id '(.*)' .*\{\n {2}linux (.*)\n(?: {2}initrd (.*)\n)?\}$/gm),
  ]
  const found = blocks.map(([, id, linux, initrds]) => {
    const [path, ...args] = unquoted(linux!)
    return { fileName: `${id}.conf`, linux: path, options: args.join(' '), initrds: unquoted(initrds ?? '') }
  })
  const names = new Map(menu.map((entry) => [entry.fileName, entry]))
  const wanted = found.flatMap(({ fileName }) => names.get(fileName) ?? [])
  assert.deepEqual(
    found,
    wanted.map(({ fileName, linux, options, initrds }) => ({ fileName, linux, options, initrds })),
  )
  assert.equal(found.length, menu.length, 'every entry is in the menu')
  // What is used up comes last, which the script decides by the counter.
  const isSpent = menu.some(({ count }) => count?.left === 0)
  if (!isSpent) {
    assert.deepEqual(
      found.map(({ fileName }) => fileName),
      menu.map(({ fileName }) => fileName),
    )
  }
  const first = await readText(boot, `${isLinked ? `${home}/entries` : home}/${found[0]!.fileName}`)
  const digest = createHash('sha256').update(first!).digest('hex')
  const named = /"\$\{bootc_sdk_trial\}" = '([0-9a-f]{16,})'/.exec(text)?.[1]
  if (found.length > 1)
    assert.ok(named !== undefined && digest.startsWith(named), 'the trial is that of the first entry')
}

function unquoted(line: string): string[] {
  return [...line.matchAll(/'([^']*)'/g)].map(([, word]) => word!)
}
