import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { run } from './tools.js'

export interface Registry {
  /** `127.0.0.1:PORT`. */
  readonly host: string
  /** The same, as a guest with QEMU's user network sees it. */
  readonly guestHost: string
  /**
   * Copy an image of an OCI layout there, or give it another tag: what is there already is not sent again.
   *
   * @param name repository and tag
   * @returns digest of its manifest
   */
  push(layout: string, name: string): string
  stop(): void
}

/** A real distribution registry on loopback. */
export async function startRegistry(dir: string): Promise<Registry> {
  const port = await freePort()
  mkdirSync(dir, { recursive: true })
  const config = join(dir, 'config.yml')
  writeFileSync(
    config,
    `version: 0.1\nlog: { level: error }\nstorage: { filesystem: { rootdirectory: ${dir}/data } }\nhttp: { addr: 127.0.0.1:${port} }\n`,
  )
  const child = spawn('docker-registry', ['serve', config], { stdio: 'ignore' })
  const host = `127.0.0.1:${port}`
  for (let attempt = 0; ; attempt++) {
    const answer = await fetch(`http://${host}/v2/`).catch(() => undefined)
    if (answer?.ok) break
    if (attempt > 100 || child.exitCode !== null) throw new Error('docker-registry does not answer')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return {
    host,
    guestHost: `10.0.2.2:${port}`,
    push(layout, name) {
      const digest = join(dir, 'pushed')
      run(
        'skopeo',
        ...['--insecure-policy', 'copy', '-q', '--dest-tls-verify=false', '--digestfile', digest],
        ...[`oci:${layout}`, `docker://${host}/${name}`],
      )
      return readFileSync(digest, 'utf8').trim()
    },
    stop: () => void child.kill(),
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}
