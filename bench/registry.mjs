import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { fresh, run } from './harness.mjs'

const children = []
// Before directories are removed.
process.prependListener('exit', () => children.forEach((child) => child.kill()))

/** A real registry on loopback, and a way to it that counts. */
export async function startRegistry() {
  const dir = fresh('registry')
  mkdirSync(dir)
  const port = await freePort()
  const config = join(dir, 'config.yml')
  writeFileSync(
    config,
    `version: 0.1\nlog: { level: error, accesslog: { disabled: true } }\nstorage: { filesystem: { rootdirectory: ${dir}/data } }\nhttp: { addr: 127.0.0.1:${port} }\n`,
  )
  children.push(spawn('docker-registry', ['serve', config], { stdio: 'ignore' }))
  const host = `127.0.0.1:${port}`
  for (let attempt = 0; !(await fetch(`http://${host}/v2/`).catch(() => undefined))?.ok; attempt++) {
    if (attempt > 100) throw new Error('docker-registry does not answer')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  const count = join(dir, 'count')
  const proxy = spawn(process.execPath, [join(import.meta.dirname, 'counting-proxy.mjs'), `${port}`, count], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(proxy)
  const [line] = await once(proxy.stdout, 'data')
  return {
    host,
    counted: `127.0.0.1:${line.toString().trim()}`,
    /** Bytes that came from the registry through `counted` so far. */
    async bytes() {
      await new Promise((resolve) => setTimeout(resolve, 200))
      return Number(readFileSync(count, 'utf8'))
    },
    push(source, name, ...options) {
      run(
        'skopeo',
        '--insecure-policy',
        'copy',
        '-q',
        '--dest-tls-verify=false',
        ...options,
        source,
        `docker://${host}/${name}`,
      )
    },
  }
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  return port
}
