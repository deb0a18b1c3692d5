import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { defaultOf, type EntryFile } from '../src/entries.js'
import { sameName, stepsBetween, type Step } from '../src/steps.js'

const file = (fileName: string, sortKey: string, id: number): EntryFile => ({
  fileName,
  text: `linux /k\noptions id=${id}\nsort-key ${sortKey}\n`,
})

/** Lists whose sort keys are in order, with names and keys that meet those of the other list in every way. */
const list = fc
  .tuple(
    fc.constantFrom('bootc-alpha', 'bootc-zebra'),
    fc.uniqueArray(fc.constantFrom('ostree-1', 'ostree-2', 'OSTREE-3', 'bootc_x-1-0', 'bootc_x-1-1'), {
      maxLength: 4,
    }),
    fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 4, maxLength: 4 }),
  )
  .map(([os, names, ids]) => names.map((name, index) => file(`${name}.conf`, `${os}-${index}`, ids[index]!)))

function apply(files: readonly EntryFile[], step: Step): readonly EntryFile[] {
  if (step.kind === 'sync') return files
  const name = step.kind === 'put' ? step.file : step
  const others = files.filter((other) => !sameName(other, name))
  return step.kind === 'put' ? [...others, step.file] : others
}

const byName = (files: readonly EntryFile[]) =>
  files.map(({ fileName, text }) => `${fileName.toLowerCase()} ${text}`).sort()

test('whatever steps between two syncs are lost, the old or the new default comes first', () => {
  fc.assert(
    fc.property(list, list, fc.infiniteStream(fc.boolean()), (from, to, lost) => {
      const steps = stepsBetween(from, to)
      const defaults = [defaultOf(from)?.text, to[0]?.text]
      let durable: readonly EntryFile[] = from
      let pending: Step[] = []
      for (const step of steps) {
        if (step.kind === 'sync') {
          durable = pending.reduce(apply, durable)
          pending = []
          continue
        }
        pending.push(step)
        const kept = pending.filter(() => lost.next().value === true)
        for (const some of [pending, kept]) {
          const found = some.reduce(apply, durable)
          if (from.length > 0 && to.length > 0) expect(defaults).toContain(defaultOf(found)?.text)
        }
      }
      expect(pending).toEqual([])
      expect(byName(durable)).toEqual(byName(to))
    }),
    { numRuns: 2000 },
  )
})

test('nothing to change takes no steps that change anything', () => {
  const files = [file('ostree-2.conf', 'bootc-a-0', 1), file('ostree-1.conf', 'bootc-a-1', 2)]
  expect(stepsBetween(files, files).filter(({ kind }) => kind !== 'sync')).toEqual([])
})
