import { BootcError } from '../errors.js'
import type {
  BootEntry,
  BootFile,
  Bootloader,
  BootPlan,
  BootSpec,
  BootVersion,
  Provider,
  Sysroot,
  Volume,
} from '../interfaces/index.js'
import { composeCmdline } from './compose-cmdline.js'
import { makeDirs } from './memory-store/files.js'
import { readAll, readText } from './read-tree.js'

const loaderDir = 'memory-loader'
/** Holds `0` or `1`: the set that boots. */
const pointer = `${loaderDir}/active`
const filesDir = `${loaderDir}/files`

/**
 * A small boot loader that keeps all promises of the interface: two sets of entries
 * `memory-loader/entries.{0,1}/NN.json` and a pointer that is exchanged by a rename. Needs no symbolic links,
 * so it also lives on FAT. Boots on trial are counted in the entry itself (by `simulateReboot`).
 *
 * @param options `bootCounting: false` makes one that cannot count
 */
export function memoryBootloader({ bootCounting = true } = {}): Provider<Bootloader> {
  return Object.freeze<Provider<Bootloader>>({
    name: 'memory-loader',
    apiVersion: 1,
    detect: async ({ boot }) =>
      (await boot.dir.stat(loaderDir)) === undefined
        ? undefined
        : { evidence: `directory ${loaderDir} on the boot volume exists` },
    open: async (sysroot) => openLoader(sysroot, bootCounting),
    async init(sysroot) {
      await makeDirs(sysroot.boot.dir, loaderDir)
      await sysroot.boot.dir.sync()
      return openLoader(sysroot, bootCounting)
    },
  })
}

function openLoader({ boot }: Sysroot, bootCounting: boolean): Bootloader {
  const { dir } = boot
  return Object.freeze<Bootloader>({
    name: 'memory-loader',
    supports: Object.freeze({ atomic: true, uki: false, bootCounting }),
    async read() {
      const version = await activeVersion(boot)
      if (version === undefined) return { entries: [], prepared: await readSet(boot, 0) }
      const entries = await readSet(boot, version)
      return { version, entries, prepared: await readSet(boot, other(version)) }
    },
    async plan(specs, version) {
      const wanted = specs.map((spec, index) => toEntry(boot, spec, index)).sort(bySpent)
      const active = await activeVersion(boot)
      const now = active === undefined ? [] : await readSet(boot, active)
      const changed = active === undefined || !sameEntries(now, wanted)
      let bytes = 0
      for (const [path, file] of artifactFiles(specs)) {
        if (changed && (await dir.stat(path)) === undefined) bytes += file.sizeBytes
      }
      return { version, changed, bytesNeeded: { boot: bytes, esp: 0 }, specs }
    },
    async prepare(plan, _lock, options = {}) {
      if (!plan.changed) return
      await checkTarget(boot, plan)
      for (const [path, file] of artifactFiles(plan.specs)) {
        options.signal?.throwIfAborted()
        await putFile(boot, path, file)
        const done = { id: path, bytes: file.sizeBytes, totalBytes: file.sizeBytes, cachedBytes: 0 }
        options.onProgress?.({ type: 'boot:copy', detail: done })
      }
      const set = setPath(plan.version)
      await dir.remove(set)
      await dir.mkdir(set, { mode: 0o755 })
      for (const [index, spec] of plan.specs.entries()) {
        const entry = toEntry(boot, spec, index)
        const text = Buffer.from(JSON.stringify(entry))
        await dir.write(`${set}/${entry.fileName}`, text, { mode: 0o644, atomic: false })
      }
    },
    async commit(plan) {
      if (!plan.changed) return
      await dir.sync()
      // Only a durable temporary makes the rename safe: an empty pointer would boot nothing.
      const text = Buffer.from(String(plan.version))
      await dir.write(`${pointer}.new`, text, { mode: 0o644, atomic: false })
      await dir.sync()
      await dir.rename(`${pointer}.new`, pointer)
      await dir.sync()
    },
    async prune(keep) {
      const names = new Set(keep.map((entry) => JSON.stringify(entry)))
      const active = await activeVersion(boot)
      for (const version of [0, 1] as const) {
        if (version === active) {
          await removeTemporaries(boot, setPath(version))
          continue
        }
        const set = await readSet(boot, version)
        const kept = set.length > 0 && set.every((entry) => names.has(JSON.stringify(entry)))
        if (!kept) await dir.remove(setPath(version))
      }
      await dir.remove(`${pointer}.new`)
      const used = new Set(keep.flatMap((entry) => [entry.linux ?? '', ...entry.initrds]))
      await pruneArtifacts(boot, used)
    },
    ...(bootCounting ? { markGood: (entry: BootEntry) => markGood(boot, entry) } : {}),
  })
}

async function markGood(boot: Volume, { fileName }: BootEntry): Promise<void> {
  const version = await activeVersion(boot)
  const set = version === undefined ? [] : await readSet(boot, version)
  const entry = set.find((each) => each.fileName === fileName)
  if (version === undefined || entry === undefined) {
    throw new BootcError('BOOT_ENTRY_NOT_FOUND', `there is no boot entry ${fileName}`, {
      details: { fileName },
    })
  }
  const { count, ...good } = entry
  if (count === undefined) return
  const path = `${setPath(version)}/${fileName}`
  await boot.dir.write(`${path}.new`, Buffer.from(JSON.stringify(good)), { mode: 0o644, atomic: false })
  await boot.dir.sync()
  await boot.dir.rename(`${path}.new`, path)
  await boot.dir.sync()
}

/** Tries that are not spoken of are left as they are. */
function sameEntries(now: readonly BootEntry[], wanted: readonly BootEntry[]): boolean {
  const text = ({ count: _, ...entry }: BootEntry) => JSON.stringify(entry)
  return (
    now.length === wanted.length &&
    wanted.every((entry, index) => {
      const found = now[index]!
      const sameCount =
        entry.count === undefined || JSON.stringify(entry.count) === JSON.stringify(found.count)
      return sameCount && text(entry) === text(found)
    })
  )
}

/** What an interrupted `markGood` left. */
async function removeTemporaries({ dir }: Volume, set: string): Promise<void> {
  for await (const { name } of dir.list(set)) if (name.endsWith('.new')) await dir.remove(`${set}/${name}`)
}

/** What has no try left comes last. */
function bySpent(a: Pick<BootEntry, 'count'>, b: Pick<BootEntry, 'count'>): number {
  return Number(a.count?.left === 0) - Number(b.count?.left === 0)
}

/** The active set must never be prepared: it is what boots until the commit. */
async function checkTarget(boot: Volume, plan: BootPlan): Promise<void> {
  if ((await activeVersion(boot)) !== plan.version) return
  throw new BootcError('BOOT_SET_ACTIVE', `set ${plan.version} of entries is the active one`)
}

function setPath(version: BootVersion): string {
  return `${loaderDir}/entries.${version}`
}

function other(version: BootVersion): BootVersion {
  return version === 0 ? 1 : 0
}

async function activeVersion({ dir }: Volume): Promise<BootVersion | undefined> {
  const text = await readText(dir, pointer)
  return text === '0' ? 0 : text === '1' ? 1 : undefined
}

async function readSet({ dir }: Volume, version: BootVersion): Promise<BootEntry[]> {
  const entries: BootEntry[] = []
  const set = setPath(version)
  if ((await dir.stat(set)) === undefined) return entries
  for await (const { name } of dir.list(set)) {
    const text = name.endsWith('.json') ? await readText(dir, `${set}/${name}`) : undefined
    // A set that was being written when the power went may hold anything; only the active one is durable.
    if (text?.endsWith('}')) entries.push(JSON.parse(text) as BootEntry)
  }
  return entries.sort(bySpent)
}

function toEntry({ bootPrefix }: Volume, spec: BootSpec, index: number): BootEntry {
  const { artifact } = spec
  if (artifact.kind !== 'linux') throw new BootcError('BOOT_UNSUPPORTED', 'this loader boots no UKI')
  const prefix = `${spec.bootPrefix ?? bootPrefix}${filesDir}/${artifact.dir}`
  return {
    fileName: `${String(index).padStart(2, '0')}.json`,
    title: spec.title,
    version: spec.version,
    options: composeCmdline(spec.kargs, spec.rootKargs),
    linux: `${prefix}/${artifact.kernel.name}`,
    initrds: artifact.initrds.map((file) => `${prefix}/${file.name}`),
    extra: spec.extra ?? [],
    ...(spec.count === undefined ? {} : { count: spec.count }),
  }
}

function artifactFiles(specs: readonly BootSpec[]): Map<string, BootFile> {
  const files = new Map<string, BootFile>()
  for (const { artifact } of specs) {
    if (artifact.kind !== 'linux') continue
    for (const file of [artifact.kernel, ...artifact.initrds])
      files.set(`${filesDir}/${artifact.dir}/${file.name}`, file)
  }
  return files
}

/** A file of that name may be cut short by a power cut, so its content is compared. */
async function putFile({ dir }: Volume, path: string, file: BootFile): Promise<void> {
  const content = await readAll(file.tree, file.path)
  if ((await dir.stat(path)) !== undefined) {
    if (Buffer.compare(await readAll(dir, path), content) === 0) return
  }
  await makeDirs(dir, path.slice(0, path.lastIndexOf('/')))
  await dir.write(path, content, { mode: 0o644, atomic: false })
}

/** Remove every directory of artifacts that no kept entry names, and directories that are left empty. */
async function pruneArtifacts({ dir, bootPrefix }: Volume, used: ReadonlySet<string>): Promise<void> {
  const visit = async (path: string): Promise<boolean> => {
    let isUsed = false
    for await (const { name, stat } of dir.list(path)) {
      const full = `${path}/${name}`
      if (stat.type === 'directory') isUsed = (await visit(full)) || isUsed
      else if (used.has(`${bootPrefix}${full}`) || used.has(`/${full}`)) isUsed = true
    }
    if (!isUsed) await dir.remove(path)
    return isUsed
  }
  if ((await dir.stat(filesDir)) !== undefined) await visit(filesDir)
}
