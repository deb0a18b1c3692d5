import { mkdtemp, rm } from 'node:fs/promises'
import { execFileSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { transportSuite } from '@bootc-sdk/conformance'
import { describe, test } from 'vitest'
import { writeFile, mkdir } from 'node:fs/promises'
import { digestHex } from '../../src/oci/index.js'
import type { TransportName } from '../../src/index.js'
import { dockerArchive } from '../../src/testing/docker-archive.js'
import type { BuiltImage } from '../../src/testing/image-builder.js'
import { memoryTransport } from '../../src/testing/memory-transport.js'
import { serveRegistry } from '../../src/testing/registry-server.js'
import {
  dirTransport,
  dockerArchiveTransport,
  dockerDaemonTransport,
  ociArchiveTransport,
  ociTransport,
  registryTransport,
} from '../../src/transports/index.js'

import { serveDocker } from './docker-server.js'

type Images = Readonly<Record<'one' | 'two', BuiltImage>>
const named = (transport: TransportName, name: (which: string) => string) => ({
  one: { transport, name: name('one') },
  two: { transport, name: name('two') },
  missing: { transport, name: name('missing') },
})

async function inDirectory<T>(
  fill: (dir: string) => Promise<T>,
): Promise<T & { dispose: () => Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), 'suite-'))
  const filled = await fill(dir)
  const dispose = async () => {
    await (filled as { dispose?: () => Promise<void> }).dispose?.()
    await rm(dir, { recursive: true, force: true })
  }
  return { ...filled, dispose }
}

async function layout(dir: string, images: Images): Promise<void> {
  for (const which of ['one', 'two'] as const) await images[which].writeOciLayout(join(dir, 'oci'), which)
}

transportSuite({
  name: 'registry',
  test,
  describe,
  create: async ({ one, two }) => {
    const server = await serveRegistry({ 'a/b:one': one, 'a/b:two': two }, { auth: { kind: 'bearer' } })
    const transport = registryTransport()
    const dispose = async () => {
      await transport.close()
      await server.close()
    }
    return { transport, references: named('registry', (which) => `${server.host}/a/b:${which}`), dispose }
  },
})

transportSuite({
  name: 'oci',
  test,
  describe,
  create: (images) =>
    inDirectory(async (dir) => {
      await layout(dir, images)
      return { transport: ociTransport(), references: named('oci', (which) => `${dir}/oci:${which}`) }
    }),
})

transportSuite({
  name: 'oci-archive',
  test,
  describe,
  create: (images) =>
    inDirectory(async (dir) => {
      await layout(dir, images)
      execFileSync('tar', ['-C', join(dir, 'oci'), '-cf', join(dir, 'images.tar'), '.'])
      const references = named('oci-archive', (which) => `${dir}/images.tar:${which}`)
      return { transport: ociArchiveTransport(), references }
    }),
})

transportSuite({
  name: 'dir',
  test,
  describe,
  create: (images) =>
    inDirectory(async (dir) => {
      for (const which of ['one', 'two'] as const) {
        await mkdir(join(dir, which))
        await writeFile(join(dir, which, 'version'), 'Directory Transport Version: 1.1\n')
        await writeFile(join(dir, which, 'manifest.json'), images[which].manifestBytes)
        for (const [digest, bytes] of images[which].blobs) {
          await writeFile(join(dir, which, digestHex(digest)), bytes)
        }
      }
      return { transport: dirTransport(), references: named('dir', (which) => `${dir}/${which}`) }
    }),
})

transportSuite({
  name: 'docker-archive',
  test,
  describe,
  keepsBytes: false,
  create: ({ one, two }) =>
    inDirectory(async (dir) => {
      const file = join(dir, 'saved.tar')
      await writeFile(file, dockerArchive({ images: { 'localhost/a:one': one, 'localhost/a:two': two } }))
      const references = named('docker-archive', (which) => `${file}:localhost/a:${which}`)
      return { transport: dockerArchiveTransport(), references }
    }),
})

transportSuite({
  name: 'docker-daemon',
  test,
  describe,
  keepsBytes: false,
  create: ({ one, two }) =>
    inDirectory(async (dir) => {
      const daemon = await serveDocker(join(dir, 'docker.sock'), {
        'localhost/a:one': one,
        'localhost/a:two': two,
      })
      const transport = dockerDaemonTransport({ host: daemon.host, temporaryDir: dir })
      const dispose = async () => {
        await transport.close()
        await daemon.close()
      }
      return { transport, references: named('docker-daemon', (which) => `localhost/a:${which}`), dispose }
    }),
})

transportSuite({
  name: 'memory',
  test,
  describe,
  create: async ({ one, two }) => ({
    transport: memoryTransport({ one, two }),
    references: named('registry', (which) => which),
  }),
})
