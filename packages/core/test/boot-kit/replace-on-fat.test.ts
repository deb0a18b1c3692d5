import { describe, expect, test } from 'vitest'
import { replaceOnFat } from '../../src/boot-kit/index.js'
import { memoryDir, powerCutDir, PowerCut, readText } from '../../src/testing/index.js'

const path = 'EFI/BOOT/BOOTX64.EFI'

async function volume(content?: string) {
  const dir = memoryDir({ fat: true, directories: ['EFI', 'EFI/BOOT'] })
  if (content !== undefined) await dir.write(path, Buffer.from(content))
  return dir
}

describe('a loader on an ESP', () => {
  test('is the old one or the new one whenever the power goes', async () => {
    const seen = new Set<string | undefined>()
    for (let cut = 0; ; cut++) {
      const { dir, supply, survivors } = powerCutDir(await volume('old'))
      supply.cutAfter(cut)
      const error = await replaceOnFat(dir, path, Buffer.from('new content')).catch(
        (thrown: unknown) => thrown,
      )
      expect(error === undefined || error instanceof PowerCut).toBe(true)
      for (const state of await survivors({ random: 4 })) {
        const text = await readText(state.dir, path)
        expect(['old', 'new content'], `cut after ${cut} writes, ${state.name}`).toContain(text)
        seen.add(text)
      }
      if (error === undefined) break
    }
    expect(seen.size).toBe(2)
  })

  test('is written where there is none, and left alone when it says the same', async () => {
    const base = await volume()
    const { dir, supply } = powerCutDir(base)
    await replaceOnFat(dir, 'EFI/systemd/x.efi', Buffer.from('new'))
    expect(await readText(base, 'EFI/systemd/x.efi')).toBe('new')
    const { writes } = supply
    await replaceOnFat(dir, 'EFI/systemd/x.efi', Buffer.from('new'))
    expect(supply.writes).toBe(writes)
    await replaceOnFat(dir, 'EFI/systemd/x.efi', Buffer.from('newer'))
    const names: string[] = []
    for await (const { name } of base.list('EFI/systemd')) names.push(name)
    expect(names).toEqual(['x.efi'])
  })
})
