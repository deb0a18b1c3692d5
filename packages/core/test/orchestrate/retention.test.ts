import { describe, expect, test } from 'vitest'
import { orderWithNew, rollbackOrder } from '../../src/orchestrate/retention.js'
import { hostEntry, inOrder } from './entries.js'

const ids = (entries: readonly { id: string }[]) => entries.map(({ id }) => id)

describe('the list with a new deployment', () => {
  test('keeps the booted one and drops the former rollback', () => {
    const order = inOrder(hostEntry('booted'), hostEntry('old'))
    expect(ids(orderWithNew(hostEntry('new'), { order, booted: order[0]! }, 'booted'))).toEqual([
      'new',
      'booted',
    ])
  })

  test('keeps pinned ones and other stateroots in their order', () => {
    const order = inOrder(
      hostEntry('other', { deployment: { stateroot: 'b' } }),
      hostEntry('booted'),
      hostEntry('pinned', { deployment: { pinned: true } }),
      hostEntry('old'),
    )
    const list = orderWithNew(hostEntry('new'), { order, booted: order[1]! }, 'booted')
    expect(ids(list)).toEqual(['new', 'other', 'booted', 'pinned'])
  })

  test('keeps booted and merge base when they differ', () => {
    const order = inOrder(hostEntry('pending'), hostEntry('base'), hostEntry('booted'))
    const list = orderWithNew(hostEntry('new'), { order, booted: order[2]! }, 'base')
    expect(ids(list)).toEqual(['new', 'base', 'booted'])
  })

  test('without a merge base replaces what was in the stateroot', () => {
    const order = inOrder(hostEntry('unfinished'))
    expect(ids(orderWithNew(hostEntry('new'), { order }, undefined))).toEqual(['new'])
  })
})

describe('the list of a rollback', () => {
  const order = inOrder(hostEntry('booted'), hostEntry('old'), hostEntry('pinned'))

  test('puts the rollback first, and the anchor first again when it was queued', () => {
    expect(ids(rollbackOrder(order, order[0]!, order[1]!, false))).toEqual(['old', 'booted', 'pinned'])
    const queued = [order[1]!, order[0]!, order[2]!]
    expect(ids(rollbackOrder(queued, order[0]!, order[1]!, true))).toEqual(['booted', 'old', 'pinned'])
  })
})
