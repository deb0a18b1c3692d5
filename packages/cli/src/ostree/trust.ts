import { resolve } from 'node:path'
import {
  loadSystemKeys,
  publicKeyOfText,
  publicKeysOfFile,
  readKeyFile,
  secretKeyOfText,
  secretKeysOfFile,
  systemKeyDirs,
  type KeySet,
  type Signing,
  type SignType,
} from '@bootc-sdk/ostree-backend'
import { UsageError } from '../io.js'

/** Flags of commands that sign or verify with plain keys. */
export interface KeyFlags {
  readonly signType: SignType
  readonly keysFile?: string
  readonly keysDir?: string
}

/** Secret keys of the command line, then those of `--keys-file`. @throws UsageError without any */
export async function signingOf(options: KeyFlags, texts: readonly string[]): Promise<Signing> {
  const { signType: type, keysFile } = options
  const keys = texts.map((text, index) => secretKeyOfText(type, text, `argument ${index + 1}`))
  if (keysFile !== undefined) {
    const path = resolve(keysFile)
    keys.push(...secretKeysOfFile(type, await readKeyFile(path), path))
  }
  if (keys.length === 0) throw new UsageError('needs a key to sign with, or --keys-file')
  return { type, keys }
}

/** Public keys of the command line and of `--keys-file`; without either those of `--keys-dir`, else the system's. */
export async function keySetOf(options: KeyFlags, texts: readonly string[]): Promise<KeySet> {
  const { signType: type, keysFile, keysDir } = options
  const dirs = keysDir === undefined ? systemKeyDirs('/') : [resolve(keysDir)]
  const { trusted, revoked } = await loadSystemKeys(type, dirs)
  const own = texts.map((text, index) => publicKeyOfText(type, text, `argument ${index + 1}`))
  if (keysFile !== undefined) {
    const path = resolve(keysFile)
    own.push(...publicKeysOfFile(type, await readKeyFile(path), path))
  }
  return { trusted: own.length > 0 ? own : trusted, revoked }
}
