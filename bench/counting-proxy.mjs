// Between a client and the registry: `counting-proxy.mjs PORT FILE` listens on a free port, which it prints, and keeps the
// number of bytes that went to clients in FILE.
import { writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'

const [port, file] = process.argv.slice(2)
let bytes = 0
const keep = () => writeFileSync(file, `${bytes}`)
keep()
const server = createServer({ noDelay: true }, (client) => {
  const upstream = connect({ port: Number(port), host: '127.0.0.1', noDelay: true })
  upstream.on('data', (chunk) => {
    bytes += chunk.length
  })
  client.pipe(upstream).pipe(client)
  for (const [one, other] of [
    [client, upstream],
    [upstream, client],
  ]) {
    one.on('error', () => other.destroy())
    one.on('close', () => {
      keep()
      other.destroy()
    })
  }
})
setInterval(keep, 50)
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
