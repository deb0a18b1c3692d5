import { composefsBackend } from '@bootc-sdk/composefs-backend'
import { composefsRoots } from '@bootc-sdk/composefs-backend/testing'
import { memoryBootloader } from '@bootc-sdk/core/testing'
import { ostreeBackend } from '@bootc-sdk/ostree-backend'
import { describe, expect, test } from 'vitest'
import { MoveMachine } from '../src/move-machine.js'

const ownVar = 'UUID=1 /var ext4 defaults 0 2\n'

function ostreeMachine(): Promise<MoveMachine> {
  return MoveMachine.installed({
    from: () => ostreeBackend({ mode: 'bare-user' }),
    to: () => composefsBackend(),
    bootloader: () => memoryBootloader(),
    roots: [composefsRoots],
  })
}

async function writeFstab({ sysroot, boot }: MoveMachine, text: string): Promise<void> {
  await sysroot.root.sub(`${boot.deployment}/etc`).write('fstab', Buffer.from(text), { mode: 0o644 })
}

async function plannedNotes({ bootc, to }: MoveMachine): Promise<string[]> {
  return (await bootc.planMove(to)).notes.map(({ code }) => code)
}

describe('what stands against a move is said', () => {
  test('also while the new store is not laid out', async () => {
    expect(await plannedNotes(await ostreeMachine())).toEqual(['composefs:initramfs'])
  })

  test('of a /var that the machine has mounted, which the initramfs of the image would hide', async () => {
    const machine = await ostreeMachine()
    await writeFstab(machine, `# ${ownVar}UUID=1 /var ext4 noauto 0 2\nUUID=2 /var/lib ext4\n`)
    expect(await plannedNotes(machine)).toEqual(['composefs:initramfs'])
    await writeFstab(machine, ownVar)
    expect(await plannedNotes(machine)).toEqual(['composefs:initramfs', 'composefs:own-var'])
    const { warnings } = await machine.bootc.moveToStore(machine.to)
    expect(warnings.map(({ code }) => code)).toEqual(
      expect.arrayContaining(['composefs:initramfs', 'composefs:own-var']),
    )
  })

  test('and where the store has nothing to say, nothing is', async () => {
    const machine = await MoveMachine.installed({
      from: () => composefsBackend(),
      to: () => ostreeBackend({ mode: 'bare-user' }),
      bootloader: () => memoryBootloader(),
      roots: [composefsRoots],
    })
    await writeFstab(machine, ownVar)
    expect(await plannedNotes(machine)).toEqual([])
  })
})
