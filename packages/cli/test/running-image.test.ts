import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { runningImage } from '../src/commands/running-image.js'

const id = 'c'.repeat(64)

async function containerenv(text: string): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'containerenv-'))
  onTestFinished(() => rm(dir, { recursive: true }))
  await writeFile(join(dir, 'file'), text)
  return join(dir, 'file')
}

test('the image of a privileged podman container is taken by its id, and its name is followed', async () => {
  const path = await containerenv(
    `engine="podman-5.4.2"\nname="x"\nid="${'a'.repeat(64)}"\nimage="quay.io/a/os:1"\nimageid="${id}"\nrootless=0\n`,
  )
  expect(await runningImage(path)).toEqual({
    source: {
      signature: { kind: 'insecure' },
      image: { transport: 'containers-storage', name: `quay.io/a/os:1@${id}` },
    },
    target: { signature: { kind: 'insecure' }, image: { transport: 'registry', name: 'quay.io/a/os:1' } },
  })
})

test('outside of containers there is none', async () => {
  expect(await runningImage('/nowhere/containerenv')).toBeUndefined()
})

test.each([
  ['', 'Currently this command only supports being executed via podman'],
  ['engine="docker"\n', 'Currently this command only supports being executed via podman'],
  [
    'engine="podman-5"\nimage="a/b"\nimageid="c"\nrootless=1\n',
    'Cannot install from rootless podman; this command must be run as root',
  ],
  ['engine="podman-5"\nimage="a/b"\nimageid=""\nrootless=0\n', 'Invalid empty imageid'],
])('%j is refused', async (text, message) => {
  await expect(containerenv(text).then(runningImage)).rejects.toMatchObject({
    code: 'HOST_CONTAINER',
    message,
  })
})
