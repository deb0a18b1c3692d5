import { createHash } from 'node:crypto'
import type { BootCount, BootEntry } from '@bootc-sdk/core'
import type { Environment } from './format/environment.js'
import { maxTries, names } from './format/trial-script.js'

/** The entry that the environment says is on trial. */
export interface Trial {
  readonly id: string
  readonly count: BootCount
}

/**
 * Names an entry in the environment: by its text, for files of different sets have the same names, and a counter that
 * was written before a switch that never came must not count for what boots then.
 */
export function trialIdOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32)
}

/** Undefined when nothing is on trial, as after `boot_success=1`. */
export function openTrial({ variables }: Environment): Trial | undefined {
  const id = variables.get(names.trial)
  const counter = variables.get(names.counter)
  if (id === undefined || id === '' || variables.get(names.success) !== '0') return undefined
  if (counter === undefined || !/^(?:-1|\d{1,3})$/.test(counter)) return undefined
  const left = Math.max(Number(counter), 0)
  const tries = Number(variables.get(names.tries) ?? left)
  return { id, count: { left, done: Math.max(Number.isInteger(tries) ? tries - left : 0, 0) } }
}

/** Variables for a trial to begin; `left` is at most nine. */
export function trialVariables(id: string, count: BootCount): Record<string, string> {
  const { left, done } = capped(count)
  return {
    [names.counter]: String(left),
    [names.success]: '0',
    [names.trial]: id,
    [names.tries]: String(left + done),
  }
}

export function capped({ left, done }: BootCount): BootCount {
  return { left: Math.min(left, maxTries), done }
}

/** What is left when a trial is over. */
export const noTrial: Readonly<Record<string, undefined>> = Object.freeze({
  [names.counter]: undefined,
  [names.trial]: undefined,
  [names.tries]: undefined,
})

/** With the count of the entry on trial, which comes last when its tries are used up. */
export function withTrial(
  files: readonly { readonly entry: BootEntry; readonly text: string }[],
  environment: Environment,
): BootEntry[] {
  const trial = openTrial(environment)
  const entries = files.map(({ entry, text }) =>
    trial !== undefined && trialIdOf(text) === trial.id ? { ...entry, count: trial.count } : entry,
  )
  const isSpent = ({ count }: BootEntry) => count?.left === 0
  return [...entries.filter((entry) => !isSpent(entry)), ...entries.filter(isSpent)]
}
