// Builds the addon from source, or says in one line why not and leaves the work to the JavaScript path.
// BOOTC_SDK_NATIVE=0 skips it, BOOTC_SDK_NATIVE=required makes a failure fatal.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(fileURLToPath(import.meta.url))
const require = createRequire(import.meta.url)
const required = process.env.BOOTC_SDK_NATIVE === 'required'
const addonFile = join(root, 'build/Release/bootc_native.node')
const stampFile = join(root, 'build/source-hash')
const lockDir = join(root, 'build/lock')

process.exitCode = main()

function main() {
  if (process.env.BOOTC_SDK_NATIVE === '0') return giveUp('disabled by BOOTC_SDK_NATIVE=0', 0)
  if (process.platform !== 'linux') return giveUp(`it is made for Linux, this is ${process.platform}`)
  const missing = missingTool()
  if (missing) return isUpToDate() ? 0 : giveUp(missing)
  if (isUpToDate()) return 0
  if (!takeLock()) return giveUp('another build of it did not end')
  try {
    return isUpToDate() ? 0 : build()
  } finally {
    rmSync(lockDir, { recursive: true, force: true })
  }
}

function build() {
  const nodedir = headersDir()
  const started = Date.now()
  rmSync(stampFile, { force: true })
  const env = { ...process.env }
  if (nodedir) env.npm_package_config_node_gyp_nodedir = nodedir
  const gyp = join(dirname(require.resolve('node-gyp/package.json')), 'bin/node-gyp.js')
  // Not `rebuild`: the object files of libzstd stay when only our sources changed.
  const args = [gyp, 'configure', 'build', '--release', '-j', 'max', '--loglevel', 'error']
  const run = spawnSync(process.execPath, args, { cwd: root, env, encoding: 'utf8', maxBuffer: 1 << 28 })
  if (run.status !== 0 || !existsSync(addonFile)) {
    if (
      !nodedir &&
      /ENOTFOUND|getaddrinfo|ECONNREFUSED|ETIMEDOUT|network connectivity|most likely not a problem with node-gyp/.test(
        run.stderr,
      )
    ) {
      return giveUp(`no headers beside ${process.execPath}, and they could not be downloaded`)
    }
    const lines = `${run.stdout}\n${run.stderr}`.split('\n').filter((line) => line.trim() !== '')
    const errors = lines.filter((line) => /error|not found|No such file/i.test(line))
    console.error((errors.length > 0 ? errors : lines).slice(0, 20).join('\n'))
    return giveUp('the build failed')
  }
  const probe = spawnSync(process.execPath, ['-e', `require(${JSON.stringify(addonFile)})`], {
    encoding: 'utf8',
  })
  if (probe.status !== 0) {
    rmSync(addonFile, { force: true })
    console.error(probe.stderr.split('\n').find((line) => line.includes('Error')) ?? probe.stderr)
    return giveUp('the built addon does not load')
  }
  writeFileSync(stampFile, sourceHash())
  console.log(`native addon built in ${((Date.now() - started) / 1000).toFixed(0)} s`)
  return 0
}

function giveUp(reason, code = required ? 1 : 0) {
  console.log(`native addon not built: ${reason} (the JavaScript path is used)`)
  return code
}

function missingTool() {
  const works = (command, args) => spawnSync(command, args, { stdio: 'ignore' }).status === 0
  for (const name of ['node-gyp', 'node-addon-api', 'zstd-napi']) {
    try {
      require.resolve(`${name}/package.json`)
    } catch {
      return `the development dependency ${name} is not installed`
    }
  }
  if (!works(process.env.CXX ?? 'c++', ['--version']) && !works('g++', ['--version']))
    return 'no C++ compiler'
  if (!works(process.env.MAKE ?? 'make', ['--version'])) return 'no make'
  const pythons = [process.env.npm_config_python, process.env.PYTHON, 'python3', 'python']
  if (
    !pythons.some(
      (python) => python && works(python, ['-c', 'import sys; sys.exit(sys.version_info < (3, 8))']),
    )
  ) {
    return 'no Python 3'
  }
  // Without headers beside node, node-gyp downloads them when it may.
  return undefined
}

/** The prefix of the running node when its headers are installed there, so that nothing is downloaded. */
function headersDir() {
  if (process.env.npm_package_config_node_gyp_nodedir) return undefined
  const prefix = dirname(dirname(process.execPath))
  return existsSync(join(prefix, 'include/node/node_api.h')) ? prefix : undefined
}

function isUpToDate() {
  return existsSync(addonFile) && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === sourceHash()
}

/** Of everything the binary depends on; not of Node's version, because N-API binaries outlive it. */
function sourceHash() {
  const hash = createHash('sha256')
  const native = join(root, 'native')
  const files = readdirSync(native)
    .sort()
    .map((name) => join(native, name))
  for (const file of [join(root, 'binding.gyp'), ...files]) {
    hash.update(`${file.slice(root.length)}\0`).update(readFileSync(file))
  }
  for (const name of ['node-addon-api', 'zstd-napi'])
    hash.update(`${name}@${require(`${name}/package.json`).version}`)
  hash.update(
    `${process.arch} ${process.report?.getReport?.().header?.glibcVersionRuntime ? 'glibc' : 'musl'}`,
  )
  return hash.digest('hex')
}

/** One build at a time: tests and set-up may start it in parallel. A lock older than ten minutes is stale. */
function takeLock() {
  mkdirSync(join(root, 'build'), { recursive: true })
  for (let waited = 0; waited < 300; waited++) {
    try {
      mkdirSync(lockDir)
      return true
    } catch {
      const age = Date.now() - (statSync(lockDir, { throwIfNoEntry: false })?.mtimeMs ?? 0)
      if (age > 600_000) rmSync(lockDir, { recursive: true, force: true })
      else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000)
    }
  }
  return false
}
