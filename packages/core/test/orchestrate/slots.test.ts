import { describe, expect, test } from 'vitest'
import { assignSlots } from '../../src/orchestrate/slots.js'
import { hostEntry, inOrder } from './entries.js'

const ids = (entries: readonly { id: string }[]) => entries.map(({ id }) => id)

describe('slots', () => {
  test('the first of the stateroot that is not booted is the rollback', () => {
    const order = inOrder(hostEntry('new'), hostEntry('old'), hostEntry('older'))
    const slots = assignSlots(order, order[0], undefined)
    expect(slots.rollback?.id).toBe('old')
    expect(ids(slots.others)).toEqual(['older'])
    expect(slots.rollbackQueued).toBe(false)
  })

  test('a rollback before the booted one is queued', () => {
    const order = inOrder(hostEntry('old'), hostEntry('booted'))
    const slots = assignSlots(order, order[1], undefined)
    expect(slots.rollback?.id).toBe('old')
    expect(slots.rollbackQueued).toBe(true)
  })

  test('other stateroots are never the rollback and come after the rest', () => {
    const other = hostEntry('factory', { deployment: { stateroot: 'factory' } })
    const order = inOrder(other, hostEntry('booted'), hostEntry('old'), hostEntry('pinned'))
    const slots = assignSlots(order, order[1], undefined)
    expect(slots.rollback?.id).toBe('old')
    expect(ids(slots.others)).toEqual(['pinned', 'factory'])
    expect(slots.rollbackQueued).toBe(false)
  })

  test('one staged into another stateroot is among the others', () => {
    const order = inOrder(hostEntry('booted'))
    const reset = hostEntry('reset', { staged: true, deployment: { stateroot: 'state-2026-0' } })
    const slots = assignSlots(order, order[0], reset)
    expect(slots.staged).toBeUndefined()
    expect(ids(slots.others)).toEqual(['reset'])
  })

  test('with nothing booted the default is the anchor and nothing is queued', () => {
    const order = inOrder(hostEntry('first'), hostEntry('second'))
    const slots = assignSlots(order, undefined, undefined)
    expect(slots.anchor?.id).toBe('first')
    expect(slots.rollback?.id).toBe('second')
    expect(slots.rollbackQueued).toBe(false)
  })

  test('a booted deployment without an entry is the anchor all the same', () => {
    const slots = assignSlots(inOrder(hostEntry('left')), hostEntry('booted'), undefined)
    expect(slots.anchor?.id).toBe('booted')
    expect(slots.rollback?.id).toBe('left')
    expect(slots.rollbackQueued).toBe(false)
  })
})
