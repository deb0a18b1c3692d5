import { defaultOf, type EntryFile } from './entries.js'

/** One change of the set that boots. */
export type Step =
  | { readonly kind: 'put'; readonly file: EntryFile }
  | { readonly kind: 'remove'; readonly fileName: string }
  /** What is before it must be on disk before what is behind it. */
  | { readonly kind: 'sync' }

/**
 * Changes that turn one set of entries into another, for volumes where the two cannot be exchanged. The first of
 * a menu that has entries of both is the first of the one or of the other as long as both of these are in it, so
 * whatever is cut off, the old or the new default boots.
 *
 * @param to first = default
 */
export function stepsBetween(from: readonly EntryFile[], to: readonly EntryFile[]): Step[] {
  const isIn = (files: readonly EntryFile[], file: EntryFile) =>
    files.some((other) => sameName(other, file) && other.text === file.text)
  const put = (files: readonly EntryFile[]): Step[] =>
    files.filter((file) => !isIn(from, file)).map((file) => ({ kind: 'put', file }))
  const remove = (files: readonly EntryFile[]): Step[] =>
    files.map(({ fileName }) => ({ kind: 'remove', fileName }))
  const sync: Step = { kind: 'sync' }

  const [first, ...rest] = to
  const old = defaultOf(from)
  if (first === undefined) return [...remove(from), sync]
  const others = from.filter((file) => file !== old)
  const gone = others.filter((file) => !to.some((other) => sameName(other, file)))
  if (old === undefined || !sameName(first, old)) {
    const isOld = (file: EntryFile) => old !== undefined && sameName(file, old)
    const last = rest.filter(isOld)
    const end = old === undefined ? [] : last.length > 0 ? put(last) : remove([old])
    const middle = [...put(rest.filter((file) => !isOld(file))), ...remove(gone)]
    return tidy([...put([first]), sync, ...middle, sync, ...end, sync])
  }
  if (first.text === old.text) return tidy([...put(rest), sync, ...remove(gone), sync])
  // The new default takes the place of the old one: nothing may be left then that comes before it.
  const stale = others.filter((file) => !isIn(to, file))
  return tidy([...remove(stale), sync, ...put([first]), sync, ...put(rest), sync])
}

/** FAT knows no case. */
export function sameName(a: Pick<EntryFile, 'fileName'>, b: Pick<EntryFile, 'fileName'>): boolean {
  return a.fileName.toLowerCase() === b.fileName.toLowerCase()
}

function tidy(steps: readonly Step[]): Step[] {
  return steps.filter(
    ({ kind }, index) => kind !== 'sync' || (index > 0 && steps[index - 1]!.kind !== 'sync'),
  )
}
