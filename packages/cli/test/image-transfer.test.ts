import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bootableImage, dockerArchive, serveRegistry } from '@bootc-sdk/core/testing'
import { expect, onTestFinished, test } from 'vitest'
import { run } from './capture.js'

const image = bootableImage({ version: 1 })

async function workspace(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'bootc-sdk-cli-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  return dir
}

test('copy keeps the digest, says what it did, and the second time has nothing to do', async () => {
  const dir = await workspace()
  await using registry = await serveRegistry({ 'ns/os:1': image })
  const args = ['image', 'copy', `docker://${registry.host}/ns/os:1`, `oci:${dir}/layout:kept`, '--json']
  const first = await run(args)
  expect(first.code, first.stderr).toBe(0)
  expect(JSON.parse(first.stdout)).toMatchObject({ manifestDigest: image.manifestDigest, skippedBytes: 0 })
  expect(JSON.parse((await run(args)).stdout)).toMatchObject({ copiedBytes: 0 })
  const { stdout } = await run(['image', 'inspect', '--raw', `oci:${dir}/layout:kept`])
  expect(stdout).toBe(Buffer.from(image.manifestBytes).toString())
})

test('an archive of docker becomes a layout', async () => {
  const dir = await workspace()
  await writeFile(join(dir, 'saved.tar'), dockerArchive({ images: { 'localhost/os:1': image } }))
  const { code, stdout } = await run([
    'image',
    'copy',
    `docker-archive:${dir}/saved.tar`,
    `oci:${dir}/layout`,
  ])
  expect(code).toBe(0)
  expect(stdout).toContain('Copied: docker-archive:')
  const shown = await run(['image', 'inspect', `oci:${dir}/layout`])
  expect(JSON.parse(shown.stdout)).toMatchObject({ config: image.configDigest, bootable: true })
})

test('a policy that rejects stops the copy before anything is written', async () => {
  const dir = await workspace()
  await image.writeOciLayout(join(dir, 'layout'), '1')
  const { code, stderr } = await run([
    ...['image', 'copy', `ostree-image-signed:oci:${dir}/layout:1`, `oci:${dir}/copy:1`],
  ])
  // Machines without a policy file, and with one that accepts anything, verify nothing: both refuse here.
  expect(code).toBe(1)
  expect(stderr).toContain('error: ')
  await expect(readFile(join(dir, 'copy/index.json'))).rejects.toThrow()
})

test('what cannot be done is said', async () => {
  const dir = await workspace()
  await image.writeOciLayout(join(dir, 'layout'), '1')
  const source = `oci:${dir}/layout:1`
  expect(await run(['image', 'promote', source, 'docker://localhost/x:1'])).toMatchObject({ code: 2 })
  expect(await run(['image', 'copy', source, 'docker-daemon:x:1'])).toMatchObject({ code: 2 })
  const both = ['image', 'copy', '--all', '--multi-arch', 'system', source, `oci:${dir}/x`]
  expect(await run(both)).toMatchObject({ code: 2 })
  const unsigned = ['image', 'copy', '--insecure-policy', '--enforce-container-sigpolicy', source]
  expect(await run([...unsigned, `oci:${dir}/x`])).toMatchObject({ code: 2 })
  expect(await run(['image', 'copy', '--limit-rate', 'much', source, `oci:${dir}/x`])).toMatchObject({
    code: 2,
  })
  expect(await run(['image', 'copy', '--platform', 'arm64', source, `oci:${dir}/x`])).toMatchObject({
    code: 2,
  })
  const missing = await run(['image', 'inspect', `oci:${dir}/layout:2`])
  expect(missing.code).toBe(1)
  expect(missing.stderr).toContain('TRANSPORT_NOT_FOUND')
})
