// fs-verity through the addon, on a file system that has it. Prints "ok WHAT" or "not ok WHAT: …" a line.
// Usage: node addon-verity.mjs DIR (empty, on such a file system)
import { createRequire } from 'node:module'
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execFileSync } from 'node:child_process'

const [dir] = process.argv.slice(2)
const { load } = createRequire('/usr/lib/bootc-sdk/')('@bootc-sdk/native/load.cjs')
const { addon, status } = load()
if (addon === undefined) throw new Error(status.reason)
const { sys } = addon

function check(what, test) {
  try {
    const problem = test()
    console.log(problem === undefined ? `ok ${what}` : `not ok ${what}: ${problem}`)
  } catch (error) {
    console.log(`not ok ${what}: ${error.code ?? ''} ${error.message}`)
  }
}
const same = (a, b) => (a === b ? undefined : `${a} instead of ${b}`)
const codeOf = (action) => {
  try {
    action()
    return 'no error'
  } catch (error) {
    return error.code
  }
}
const withFd = (path, flags, action) => {
  const fd = openSync(path, flags)
  try {
    return action(fd)
  } finally {
    closeSync(fd)
  }
}
const write = (name, data) => {
  writeFileSync(join(dir, name), data)
  return join(dir, name)
}

for (const [algorithm, name] of [
  [1, 'sha256'],
  [2, 'sha512'],
]) {
  for (const size of [0, 1, 4096, 4097, 300_000]) {
    const data = Buffer.alloc(size, `bootc-sdk ${size}`)
    const file = write(`${name}-${size}`, data)
    check(`${name} of ${size} bytes: not measured before`, () =>
      same(
        withFd(file, 'r', (fd) => sys.measureVerity(fd)),
        undefined,
      ),
    )
    check(`${name} of ${size} bytes: the kernel measures what is computed and what fsverity says`, () => {
      withFd(file, 'r', (fd) => sys.enableVerity(fd, algorithm))
      const measured = withFd(file, 'r', (fd) => sys.measureVerity(fd))
      const hex = measured.digest.toString('hex')
      const [tool] = execFileSync('fsverity', ['measure', file], { encoding: 'utf8' }).split(' ')
      return (
        same(measured.algorithm, algorithm) ??
        same(hex, addon.verityDigest(data, algorithm)) ??
        same(tool, `${name}:${hex}`)
      )
    })
  }
}
const file = join(dir, 'sha512-4097')
check('enabled twice: EEXIST', () =>
  same(
    codeOf(() => withFd(file, 'r', (fd) => sys.enableVerity(fd, 2))),
    'EEXIST',
  ),
)
check('cannot be written to: EPERM', () =>
  same(
    codeOf(() => openSync(file, 'r+')),
    'EPERM',
  ),
)
check('reads as before', () => same(readFileSync(file).length, 4097))
check('open for writing elsewhere: ETXTBSY', () => {
  const busy = write('busy', 'busy')
  return same(
    withFd(busy, 'r+', () => codeOf(() => withFd(busy, 'r', (fd) => sys.enableVerity(fd, 2)))),
    'ETXTBSY',
  )
})
check('not on tmpfs', () => {
  const code = codeOf(() => {
    writeFileSync('/run/e2e/no-verity', 'x')
    withFd('/run/e2e/no-verity', 'r', (fd) => sys.enableVerity(fd, 2))
  })
  return code === 'ENOTTY' || code === 'EOPNOTSUPP' ? undefined : code
})
