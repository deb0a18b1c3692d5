import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/** `me` / `s3cret`, bcrypt. */
const HTPASSWD = 'me:$2b$05$L10N1Tq1nuxAqDeIGuxHn.YqNVxsJ0CbOBWtbJF90hvwMVZKBzaL2\n'

export interface DockerRegistry {
  readonly host: string
  stop(): Promise<void>
}

/** Debian's docker-registry on a free port, storing below `dir`. */
export async function startRegistry(dir: string, name: string, auth = false): Promise<DockerRegistry> {
  const host = `127.0.0.1:${await freePort()}`
  const config = join(dir, `${name}.yml`)
  const htpasswd = join(dir, `${name}.htpasswd`)
  await writeFile(htpasswd, HTPASSWD)
  const lines = [
    'version: 0.1',
    'log: {level: error}',
    `storage: {filesystem: {rootdirectory: ${join(dir, name)}}}`,
    `http: {addr: ${JSON.stringify(host)}}`,
    ...(auth ? [`auth: {htpasswd: {realm: test, path: ${htpasswd}}}`] : []),
  ]
  await writeFile(config, `${lines.join('\n')}\n`)
  const child: ChildProcess = spawn('docker-registry', ['serve', config], { stdio: 'ignore' })
  for (let i = 0; ; i++) {
    const answer = await fetch(`http://${host}/v2/`).catch(() => undefined)
    if (answer) break
    if (i === 100 || child.exitCode !== null) throw new Error('docker-registry does not start')
    await delay(50)
  }
  return {
    host,
    stop: async () => {
      const exited = once(child, 'exit')
      child.kill()
      await exited
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
