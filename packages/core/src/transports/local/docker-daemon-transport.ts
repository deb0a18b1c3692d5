import type { FileHandle } from 'node:fs/promises'
import { DEFAULT_MAX_OUTPUT_BYTES } from '../../codec/index.js'
import { BootcError } from '../../errors.js'
import type { ImageTransport } from '../../interfaces/transport.js'
import { isDigest, parseRegistryName, printRegistryName } from '../../oci/index.js'
import type { ImageReference } from '../../oci/reference.js'
import { networkError } from '../registry/network-error.js'
import { namelessFile, pathOfHandle } from '../nameless-file.js'
import { notFound } from '../transport-errors.js'
import { archiveCache } from './archive-cache.js'
import type { ArchiveCacheOptions } from './archive-cache.js'
import { dockerArchiveReader } from './docker-archive-transport.js'

export interface DockerDaemonOptions extends ArchiveCacheOptions {
  /** `unix:///run/docker.sock` or a path; default `DOCKER_HOST`, else /var/run/docker.sock. Other schemes are refused. */
  readonly host?: string
  /** Without a byte for so long, the daemon counts as gone; default 60 s (it packs the image first). */
  readonly stallTimeoutMs?: number
}

/**
 * `docker-daemon:NAME:TAG` or `docker-daemon:sha256:ID`: an image that Docker has, or podman's service, asked for
 * over its socket. What it sends is a `docker save` archive, kept in a nameless temporary file.
 *
 * @see Docker Engine API 1.24 "Export an image"
 */
export function dockerDaemonTransport(
  options: DockerDaemonOptions = {},
): ImageTransport & { close(): Promise<void> } {
  const archives = archiveCache(options, true)
  const reader = dockerArchiveReader(archives)
  /** Archives by name of the image, for as long as the transport is open. */
  const files = new Map<string, FileHandle>()

  const fetched = async (image: string, signal: AbortSignal | undefined, again: boolean) => {
    const known = files.get(image)
    if (known !== undefined && !again) return pathOfHandle(known)
    const handle = await exportImage(image, options, signal)
    files.set(image, handle)
    await known?.close()
    return pathOfHandle(handle)
  }

  return {
    name: 'docker-daemon',
    transports: ['docker-daemon'],
    supports: { range: true, localTree: false },
    async resolve(reference, resolveOptions = {}) {
      const path = await fetched(imageName(reference), resolveOptions.signal, true)
      return reader.resolve(reference, { path }, resolveOptions)
    },
    openLayer(image, layer, layerOptions = {}) {
      const name = imageName(image.reference)
      const handle = files.get(name)
      if (handle !== undefined)
        return reader.openLayer(image, { path: pathOfHandle(handle) }, layer, layerOptions)
      return {
        async *[Symbol.asyncIterator]() {
          const path = await fetched(name, layerOptions.signal, false)
          yield* reader.openLayer(image, { path }, layer, layerOptions)
        },
      }
    },
    async close() {
      await archives.close()
      for (const handle of files.values()) await handle.close()
      files.clear()
    },
  }
}

/** What the daemon is asked for: an id, or a name with its tag. @throws BootcError `IMAGE_REFERENCE_INVALID` */
function imageName({ name }: ImageReference): string {
  if (isDigest(name)) return name
  return printRegistryName(parseRegistryName(name))
}

async function exportImage(
  image: string,
  {
    host,
    temporaryDir = '/var/tmp',
    maxBytes = DEFAULT_MAX_OUTPUT_BYTES,
    stallTimeoutMs,
  }: DockerDaemonOptions,
  signal: AbortSignal | undefined,
): Promise<FileHandle> {
  const socketPath = socketOf(host ?? process.env['DOCKER_HOST'])
  const { Client } = await import('undici')
  const timeout = stallTimeoutMs ?? 60_000
  const client = new Client('http://localhost', { socketPath, headersTimeout: timeout, bodyTimeout: timeout })
  const file = await namelessFile(temporaryDir)
  try {
    const response = await client.request({
      method: 'GET',
      path: `/images/${encodeURIComponent(image)}/get`,
      signal: signal ?? null,
    })
    if (response.statusCode !== 200) throw await refused(image, socketPath, response)
    let bytes = 0
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      bytes += chunk.length
      if (bytes > maxBytes) {
        throw new BootcError('IMAGE_TOO_LARGE', `image ${image} is larger than ${maxBytes} bytes`, {
          details: { image, limitBytes: maxBytes },
        })
      }
      await file.writeFile(chunk)
    }
    return file
  } catch (error) {
    await file.close()
    signal?.throwIfAborted()
    throw networkError(error, `docker daemon at ${socketPath}`, { image })
  } finally {
    await client.destroy()
  }
}

function socketOf(host: string | undefined): string {
  if (host === undefined || host === '') return '/var/run/docker.sock'
  if (host.startsWith('unix://')) return host.slice('unix://'.length)
  if (host.startsWith('/')) return host
  throw new BootcError('TRANSPORT_CONFIG_INVALID', `docker-daemon: ${host} is not a unix socket`, {
    details: { host },
  })
}

async function refused(
  image: string,
  socketPath: string,
  { statusCode, body }: { statusCode: number; body: AsyncIterable<Uint8Array> },
): Promise<BootcError> {
  const text = await beginningOf(body)
  const details = { image, status: statusCode, socket: socketPath }
  if (statusCode === 404) return notFound(`image ${image} of the docker daemon`, details)
  return new BootcError(
    'TRANSPORT_PROTOCOL',
    `docker daemon at ${socketPath} answers ${statusCode}: ${text.replace(/\p{Cc}+/gu, ' ')}`,
    { details },
  )
}

async function beginningOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  for await (const chunk of body) return Buffer.from(chunk).toString('utf8', 0, 500)
  return ''
}
