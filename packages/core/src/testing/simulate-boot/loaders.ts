import type { BootCount, Dir, ReadTree, Sysroot, Volume } from '../../interfaces/index.js'
import { followPath, readFollowing } from './follow.js'
import { readGrubTrial } from './grub-trial.js'

/** What a boot loader would show and start. */
export interface MenuEntry {
  readonly fileName: string
  readonly title: string
  readonly options: string
  readonly linux: string
  readonly initrds: readonly string[]
  /** Unified kernel image, in place of the other two. */
  readonly uki?: string
  /** What paths are below, where that is not the boot volume. */
  readonly volume?: Dir
  /** It is on trial, by its file. */
  readonly count?: BootCount
  /** That file. */
  readonly path?: string
}

/** Entries of whichever loader the machine has, in the order of its menu; the first one starts. */
export async function readMenu({
  boot,
  esps = [],
}: BootVolumes): Promise<{ loader: string; entries: MenuEntry[] }> {
  if ((await boot.dir.stat('memory-loader')) !== undefined) {
    return { loader: 'memory-loader', entries: await readMemoryMenu(boot.dir) }
  }
  const esp = await loaderEsp(esps)
  if (esp !== undefined) {
    const volumes = boot.fsType === 'vfat' && boot.dir !== esp ? [esp, boot.dir] : [esp]
    return { loader: 'systemd-boot', entries: await readSystemdMenu(volumes) }
  }
  return { loader: 'blscfg', entries: await readBlsMenu(boot.dir) }
}

/** What a machine starts from. */
export type BootVolumes = Pick<Sysroot, 'boot'> & Partial<Pick<Sysroot, 'esps'>>

/** The first partition that systemd-boot was laid out on. Its program is not looked for: images of tests have none. */
async function loaderEsp(esps: readonly Volume[]): Promise<Dir | undefined> {
  for (const { dir } of esps) {
    const loader = await dir.stat('loader')
    if (loader?.type === 'directory' && (await dir.stat('loader/entries.srel')) !== undefined) return dir
  }
  return undefined
}

async function readMemoryMenu(boot: ReadTree): Promise<MenuEntry[]> {
  const active = (await readFollowing(boot, 'memory-loader/active'))?.toString('utf8')
  if (active !== '0' && active !== '1')
    throw new Error(`pointer of the loader says ${JSON.stringify(active)}`)
  const set = `memory-loader/entries.${active}`
  const entries: MenuEntry[] = []
  const spent: MenuEntry[] = []
  for (const name of (await namesIn(boot, set)).filter((each) => each.endsWith('.json'))) {
    const text = (await readFollowing(boot, `${set}/${name}`))!.toString('utf8')
    const { title, options, linux, initrds, count } = JSON.parse(text) as Omit<MenuEntry, 'fileName'>
    const entry = { fileName: name, title, options, linux, initrds }
    if (count === undefined) entries.push(entry)
    else (count.left === 0 ? spent : entries).push({ ...entry, count, path: `${set}/${name}` })
  }
  return [...entries, ...spent]
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
  const trial = await readGrubTrial(boot)
  for (const fileName of names.sort(byPackage).reverse()) {
    const values = await valuesIn(boot, `${directory}/${fileName}`)
    const isFirst = entries.length === 0
    const text = isFirst ? (await readFollowing(boot, `${directory}/${fileName}`))! : undefined
    const count = text && trial?.counts(text) ? trial : undefined
    entries.push({
      fileName,
      title: values('title')[0] ?? '',
      options: values('options').join(' '),
      linux: values('linux')[0] ?? '',
      initrds: values('initrd'),
      ...(count === undefined ? {} : { count: { left: count.left, done: 0 }, path: count.path }),
    })
  }
  const [first, second, ...others] = entries
  return first?.count?.left === 0 && second !== undefined ? [second, first, ...others] : entries
}

/**
 * As systemd-boot: `loader/entries/*.conf` of the ESP and the extended boot partition. What lacks a kernel, or has
 * one that is not there, is no entry.
 *
 * @see UAPI.1 Boot Loader Specification; systemd 257 src/boot/boot.c, boot_entry_add_type1, boot_entry_compare
 */
async function readSystemdMenu(volumes: readonly Dir[]): Promise<MenuEntry[]> {
  const found: { entry: MenuEntry; spent: boolean; keys: readonly string[]; rest: readonly string[] }[] = []
  for (const volume of volumes) {
    for (const fileName of await namesIn(volume, 'loader/entries')) {
      const name = /^(.*?)(?:\+(\d+)(?:-(\d+))?)?\.conf$/i.exec(fileName)
      if (name === null) continue
      const values = await valuesIn(volume, `loader/entries/${fileName}`)
      const first = (key: string) => values(key)[0] ?? ''
      const uki = first('uki') || first('efi')
      const starts = first('linux') || uki
      if (starts === '' || (await readFollowing(volume, starts)) === undefined) continue
      const entry: MenuEntry = {
        ...{ fileName, volume, title: first('title'), options: values('options').join(' ') },
        ...{ linux: first('linux'), initrds: values('initrd'), ...(uki === '' ? {} : { uki }) },
        ...(name[2] === undefined ? {} : { count: { left: Number(name[2]), done: Number(name[3] ?? 0) } }),
        path: `loader/entries/${fileName}`,
      }
      const sortKey = first('sort-key')
      found.push({
        entry,
        spent: name[2] !== undefined && Number(name[2]) === 0,
        keys: sortKey === '' ? [] : [sortKey, first('machine-id')],
        rest: [...(sortKey === '' ? [] : [first('version')]), name[1]!],
      })
    }
  }
  found.sort((a, b) => {
    const spent = Number(a.spent) - Number(b.spent)
    if (spent !== 0) return spent
    if (a.keys.length !== b.keys.length) return b.keys.length - a.keys.length
    for (const [i, key] of a.keys.entries()) if (key !== b.keys[i]) return key < b.keys[i]! ? -1 : 1
    const orders = a.rest.map((text, i) => byVersion(b.rest[i]!, text))
    return orders.find((order) => order !== 0) ?? 0
  })
  return found.map(({ entry }) => entry)
}

/** Values of a key in an entry, in order. */
async function valuesIn(tree: ReadTree, path: string): Promise<(key: string) => string[]> {
  const lines = (await readFollowing(tree, path))!
    .toString('utf8')
    .split('\n')
    .map((line) => /^(\S+)\s+(.*)$/.exec(line))
  return (key) => lines.flatMap((match) => (match?.[1] === key ? [match[2]!.trim()] : []))
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
