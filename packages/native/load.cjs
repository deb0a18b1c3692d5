// Finds and loads the binary, once per process. CommonJS so that it can be required synchronously from the TypeScript
// sources, from dist/ and from other packages alike. Types: `NativeLoader` in src/load-addon.ts.
'use strict'

const { existsSync } = require('node:fs')
const { join } = require('node:path')

/** The `interfaceVersion` of native/addon.cc that the sources here work with. */
const interfaceVersion = 2

let loaded

exports.load = function load() {
  if (process.env.BOOTC_SDK_NATIVE === '0') return without('disabled by BOOTC_SDK_NATIVE=0')
  return (loaded ??= tryLoad())
}

function tryLoad() {
  if (process.platform !== 'linux') return without(`unsupported platform ${process.platform}`)
  let file
  try {
    // A local build is found without the search through prebuilds, which costs every start a few milliseconds.
    const built = join(__dirname, 'build/Release/bootc_native.node')
    file =
      existsSync(built) && !process.env.PREBUILDS_ONLY ? built : require('node-gyp-build').resolve(__dirname)
  } catch {
    return without('not built')
  }
  try {
    const addon = require(file)
    const { internals } = addon
    if (internals.interfaceVersion !== interfaceVersion) {
      return without(
        `${file} has interface ${internals.interfaceVersion}, not ${interfaceVersion}: build it again`,
      )
    }
    const status = {
      available: true,
      reason: `loaded from ${file}`,
      sha256: internals.sha256Name,
      zstd: internals.zstdVersion,
      zlib: internals.zlibVersion,
    }
    return { addon, status }
  } catch (error) {
    return without(`${file} does not load: ${String(error?.message ?? error).split('\n')[0]}`)
  }
}

function without(reason) {
  return { status: { available: false, reason } }
}
