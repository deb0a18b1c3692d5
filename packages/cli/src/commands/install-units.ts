import { realpath } from 'node:fs/promises'
import { BootcError } from '@bootc-sdk/core'
import { nodeDir } from '@bootc-sdk/core/node'
import {
  initramfsGenerators,
  installSystemdPieces,
  pieceNames,
  type InitramfsGenerator,
  type PieceName,
} from '@bootc-sdk/systemd'
import { UsageError, type Cli } from '../io.js'

export interface InstallUnitsOptions {
  readonly enableAutoUpdate?: true
  readonly disableAutoUpdate?: true
  readonly only?: readonly string[]
  readonly commandPath: string
  readonly initramfs?: readonly string[]
}

/** `bootc-sdk internals install-units ROOT`. */
export async function installUnits(cli: Cli, options: InstallUnitsOptions, root: string): Promise<void> {
  const { enableAutoUpdate, disableAutoUpdate, only, commandPath, initramfs } = options
  if (enableAutoUpdate === true && disableAutoUpdate === true) {
    throw new UsageError('--enable-auto-update and --disable-auto-update exclude each other')
  }
  const path = await realpath(root).catch((cause: unknown) => {
    throw new BootcError('SYSROOT_NOT_FOUND', `there is no directory ${root}`, {
      details: { path: root },
      cause,
    })
  })
  const { written, removed } = await installSystemdPieces(nodeDir(path), {
    ...(only === undefined ? {} : { only: only.map(pieceNamed) }),
    ...(enableAutoUpdate === true ? { autoUpdate: true } : {}),
    ...(disableAutoUpdate === true ? { autoUpdate: false } : {}),
    ...(initramfs === undefined ? {} : { initramfs: initramfs.map(generatorNamed) }),
    commandPath,
    signal: cli.signal,
  })
  for (const name of written) await cli.out.write(`wrote ${name}\n`)
  for (const name of removed) await cli.out.write(`removed ${name}\n`)
}

function generatorNamed(name: string): InitramfsGenerator {
  const found = initramfsGenerators.find((each) => each === name)
  if (found !== undefined) return found
  throw new UsageError(`--initramfs is one of ${initramfsGenerators.join(', ')}`)
}

function pieceNamed(name: string): PieceName {
  const found = pieceNames.find((each) => each === name)
  if (found === undefined) {
    throw new UsageError(`there is no piece ${name}; there are ${pieceNames.join(', ')}`)
  }
  return found
}
