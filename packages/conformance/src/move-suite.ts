import assert from 'node:assert/strict'
import { rejectsWith } from './checks.js'
import { editEtc } from './machine.js'
import { MoveMachine, type MoveMachineOptions } from './move-machine.js'
import { group, type Runner } from './runner.js'

export interface MoveSuiteOptions extends Runner, MoveMachineOptions {
  readonly name: string
  /** How content is expected to get there. */
  readonly way: 'layers' | 'tree' | 'download'
}

/** A system moves from one store to another and back in time: what `switch --store` promises. */
export function moveSuite(options: MoveSuiteOptions): void {
  const { test, name, way } = options
  group(options, `${name}: moving between stores`, () => {
    test('a plan says what will happen, and nothing does', async () => {
      const machine = await MoveMachine.installed(options)
      const before = await machine.snapshot()
      const plan = await machine.bootc.planMove(machine.to)
      assert.deepEqual(
        [plan.from, plan.to, plan.way, plan.keeps.length, plan.bytesToFetch === 0],
        [machine.from, machine.to, way, 1, way !== 'download'],
      )
      assert.deepEqual(await machine.snapshot(), before)
    })

    test('the new store boots with the /etc and /var of the old one, without the registry', async () => {
      const machine = await MoveMachine.installed(options)
      await editEtc(machine)
      await machine.writeVar('kept by the machine')
      if (way !== 'download') machine.transport.images.clear()
      const result = await machine.bootc.moveToStore(machine.to)
      assert.equal(result.outcome, 'staged')
      await machine.restart()
      assert.equal(machine.boot.version, '1')
      assert.equal(await machine.boot.read('etc/hostname'), 'machine-1\n')
      assert.equal(await machine.boot.read('etc/local.conf'), 'made here\n')
      assert.equal(await machine.boot.read('var/kept'), 'kept by the machine')
      const { order, booted, rollback } = await machine.bootc.status()
      assert.deepEqual(
        order.map(({ deployment }) => deployment.store),
        [machine.to, machine.from],
      )
      assert.equal(booted?.deployment.store, machine.to)
      assert.equal(rollback?.deployment.store, machine.from)
    })

    test('the image is known under its own digest: an upgrade finds nothing new, then the next version', async () => {
      const machine = await MoveMachine.installed(options)
      const { booted: before } = await machine.bootc.status()
      await machine.bootc.moveToStore(machine.to)
      await machine.restart()
      const { booted } = await machine.bootc.status()
      assert.equal(booted?.deployment.image?.manifestDigest, before?.deployment.image?.manifestDigest)
      assert.equal((await machine.bootc.upgrade()).outcome, 'up-to-date')
      machine.release(2)
      await machine.writeVar('before the upgrade')
      assert.equal((await machine.bootc.upgrade()).outcome, 'staged')
      await machine.restart()
      assert.equal(machine.boot.version, '2')
      assert.equal(await machine.boot.read('var/kept'), 'before the upgrade')
      const { order } = await machine.bootc.status()
      assert.deepEqual(
        order.map(({ deployment }) => deployment.store),
        [machine.to, machine.to],
      )
    })

    test('rollback boots the old store, as it was', async () => {
      const machine = await MoveMachine.installed(options)
      await editEtc(machine)
      await machine.bootc.moveToStore(machine.to)
      await machine.restart()
      await machine.sysroot.root
        .sub(`${machine.boot.deployment}/etc`)
        .write('hostname', Buffer.from('later\n'), { mode: 0o644 })
      await machine.bootc.rollback()
      await machine.restart()
      assert.equal((await machine.bootc.status()).booted?.deployment.store, machine.from)
      assert.equal(await machine.boot.read('etc/hostname'), 'machine-1\n')
      await machine.bootc.prune()
      await machine.bootc.rollback()
      await machine.restart()
      assert.equal((await machine.bootc.status()).booted?.deployment.store, machine.to)
      assert.equal(await machine.boot.read('etc/hostname'), 'later\n')
    })

    test('moving to where it is already is refused', async () => {
      const machine = await MoveMachine.installed(options)
      await rejectsWith(/^DEPLOY_STORE_SAME$/, () => machine.bootc.moveToStore(machine.from))
      await rejectsWith(/^DEPLOY_STORE_SAME$/, () => machine.bootc.planMove(machine.from))
    })

    test('there and back again', async () => {
      const machine = await MoveMachine.installed(options)
      await editEtc(machine)
      await machine.writeVar('all the way')
      for (const [step, store] of [machine.to, machine.from, machine.to].entries()) {
        await machine.bootc.moveToStore(store)
        await machine.restart()
        assert.equal((await machine.bootc.status()).booted?.deployment.store, store)
        assert.equal(await machine.boot.read('etc/hostname'), 'machine-1\n')
        assert.equal(await machine.boot.read('var/kept'), 'all the way')
        // A store may hold one deployment of an image only, and the last one there is kept for rollback.
        machine.release(step + 2)
        await machine.bootc.upgrade()
        await machine.restart()
      }
    })
  })
}
