import type { ReadTree } from '../../interfaces/index.js'
import { followPath, readFollowing } from './follow.js'

/** What a boot loader would show and start. */
export interface MenuEntry {
  readonly fileName: string
  readonly title: string
  readonly options: string
  readonly linux: string
  readonly initrds: readonly string[]
}

/** Entries of whichever loader the boot volume has, in the order of its menu; the first one starts. */
export async function readMenu(boot: ReadTree): Promise<{ loader: string; entries: MenuEntry[] }> {
  if ((await boot.stat('memory-loader')) !== undefined) {
    return { loader: 'memory-loader', entries: await readMemoryMenu(boot) }
  }
  return { loader: 'blscfg', entries: await readBlsMenu(boot) }
}

async function readMemoryMenu(boot: ReadTree): Promise<MenuEntry[]> {
  const active = (await readFollowing(boot, 'memory-loader/active'))?.toString('utf8')
  if (active !== '0' && active !== '1')
    throw new Error(`pointer of the loader says ${JSON.stringify(active)}`)
  const set = `memory-loader/entries.${active}`
  const entries: MenuEntry[] = []
  for (const name of await namesIn(boot, set)) {
    const text = (await readFollowing(boot, `${set}/${name}`))!.toString('utf8')
    const { title, options, linux, initrds } = JSON.parse(text) as Omit<MenuEntry, 'fileName'>
    entries.push({ fileName: name, title, options, linux, initrds })
  }
  return entries
}

/**
 * As GRUB's blscfg: `loader/entries/*.conf`, through the link `loader` where it is one, by file name, highest
 * first. @see ostree.md 19.1 in the format documents; Fedora's grub2 blscfg.c
 */
async function readBlsMenu(boot: ReadTree): Promise<MenuEntry[]> {
  const directory = await followPath(boot, 'loader/entries')
  if (directory === undefined) throw new Error('boot volume has no loader/entries')
  const names = (await namesIn(boot, directory)).filter((name) => name.endsWith('.conf'))
  const entries: MenuEntry[] = []
  for (const fileName of names.sort(byPackage).reverse()) {
    const text = (await readFollowing(boot, `${directory}/${fileName}`))!.toString('utf8')
    const values = (key: string) =>
      text
        .split('\n')
        .map((line) => /^(\S+)\s+(.*)$/.exec(line))
        .flatMap((match) => (match?.[1] === key ? [match[2]!.trim()] : []))
    entries.push({
      fileName,
      title: values('title')[0] ?? '',
      options: values('options').join(' '),
      linux: values('linux')[0] ?? '',
      initrds: values('initrd'),
    })
  }
  return entries
}

/** A name is taken for `name-version-release`, with release, then version missing where there are fewer parts. */
function byPackage(a: string, b: string): number {
  const parts = (name: string) => /^(.*?)(?:-([^-]*))?(?:-([^-]*))?$/.exec(name.slice(0, -'.conf'.length))!
  const [left, right] = [parts(a), parts(b)]
  return [1, 2, 3].map((i) => byVersion(left[i] ?? '', right[i] ?? '')).find((order) => order !== 0) ?? 0
}

/** As RPM: runs of digits by value and above letters, letters by characters, all else only separates. */
function byVersion(a: string, b: string): number {
  const runs = (text: string) => text.match(/\d+|[A-Za-z]+/g) ?? []
  const [left, right] = [runs(a), runs(b)]
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const [x, y] = [left[i]!, right[i]!]
    const numbers = Number(/^\d/.test(x)) - Number(/^\d/.test(y))
    if (numbers !== 0) return numbers
    if (/^\d/.test(x) && BigInt(x) !== BigInt(y)) return BigInt(x) < BigInt(y) ? -1 : 1
    if (!/^\d/.test(x) && x !== y) return x < y ? -1 : 1
  }
  return left.length - right.length
}

async function namesIn(tree: ReadTree, path: string): Promise<string[]> {
  const names: string[] = []
  const real = await followPath(tree, path)
  if (real === undefined) return names
  for await (const { name, stat } of tree.list(real)) if (stat.type === 'file') names.push(name)
  return names
}
