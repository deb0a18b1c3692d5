import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bootableImage } from '@bootc-sdk/core/testing'
import { expect, onTestFinished, test } from 'vitest'
import { run } from './capture.js'
import { namelessFiles } from './nameless-files.js'

async function layout(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'bootc-sdk-cli-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  await bootableImage({ version: 1 }).writeOciLayout(dir, '1')
  await bootableImage({ version: 2 }).writeOciLayout(dir, '2')
  return dir
}

test('layers are listed with what they hold, and those of before are told', async () => {
  const dir = await layout()
  const first = await run(['image', 'rechunk', `oci:${dir}:1`, `oci:${dir}:r1`])
  expect(first.code, first.stderr).toBe(0)
  const lines = first.stdout.split('\n')
  expect(lines[0]).toMatch(/^ +SIZE +HOLDS$/)
  expect(lines[1]).toMatch(/^ *[\d.]+ (bytes|kB) +new +directories$/)
  expect(first.stdout).toMatch(
    /\n {2}Layers: 3 by directories, .*; 0 of them \(0 bytes\) are those of before\n/,
  )
  const second = await run([
    ...['image', 'rechunk', `oci:${dir}:2`, `oci:${dir}:r2`],
    ...['--previous', `oci:${dir}:r1`, '--json'],
  ])
  expect(second.code, second.stderr).toBe(0)
  const report = JSON.parse(second.stdout) as { layers: { role: string; kept: boolean }[]; database: unknown }
  expect(report).toMatchObject({ database: null, warnings: [] })
  expect(report.layers[0]).toMatchObject({ role: 'base', kept: true })
})

test('what cannot be done is said', async () => {
  const dir = await layout()
  const args = ['image', 'rechunk', `oci:${dir}:1`]
  expect(await run([...args, `oci:${dir}:r`, '--max-layers', '0'])).toMatchObject({ code: 2 })
  const { code, stderr } = await run([...args, `oci:${dir}:r`, '--previous', `oci:${dir}:none`])
  expect(code).toBe(0)
  expect(stderr).toContain('is not there; layers are made afresh')
})

test('what was written for an archive that could not be made is let go of', async () => {
  const dir = await layout()
  await mkdir(join(dir, 'taken'))
  const { code, stderr } = await run(['image', 'rechunk', `oci:${dir}:1`, `oci-archive:${dir}/taken`])
  expect([code, stderr]).toEqual([1, expect.stringContaining('EISDIR')])
  expect(await namelessFiles(dir)).toEqual([])
})
