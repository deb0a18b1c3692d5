import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { OstreeRepo } from '../repo/api.js'
import { readFile as readRepoFile } from '../repo/io.js'
import { badKey } from './errors.js'
import { filesIn, readKeyBytes } from './key-files.js'

/**
 * Checks detached OpenPGP signatures; given by the caller (`detachedOpenPgp` of @bootc-sdk/signatures), since this
 * package has no OpenPGP of its own.
 *
 * @param signatures packets of one or more signatures each, binary
 * @param keyrings public keys, binary, armored or a keybox of GnuPG; what cannot be read gives no keys
 * @returns who made a good signature; undefined when there is none, with what was wrong with each
 */
export type OpenPgpCheck = (
  content: Uint8Array,
  signatures: readonly Uint8Array[],
  keyrings: readonly Uint8Array[],
) => Promise<{ readonly signer?: string; readonly problems: readonly string[] }>

const maxKeyringBytes = 16 * 1024 * 1024

/**
 * Keyrings by which a remote's signatures are judged: `REMOTE.trustedkeys.gpg` of the repository, else of the
 * directory with the remote's configuration; without one, the system's. Those of `gpgkeypath` count besides.
 *
 * @param remotesDir directory of `*.conf` files, where the repository has one
 * @throws BootcError `STORE_OSTREE_KEY` for a path of `gpgkeypath` that cannot be read
 * @see ostree 2026.4 src/libostree/ostree-repo.c, _ostree_repo_gpg_prepare_verifier
 */
export async function remoteKeyrings(
  repo: Pick<OstreeRepo, 'dir'>,
  remote: { readonly name: string; readonly gpgKeyPaths: readonly string[] },
  places: { readonly remotesDir: string | undefined; readonly systemRoot: string },
): Promise<Uint8Array[]> {
  const name = `${remote.name}.trustedkeys.gpg`
  const own =
    (await readRepoFile(repo.dir, name, maxKeyringBytes)) ??
    (places.remotesDir === undefined ? undefined : await optional(join(places.remotesDir, name)))
  const system = own === undefined ? await keyringsOf(systemKeyringDir(places.systemRoot)) : [own]
  const more: Uint8Array[] = []
  for (const path of remote.gpgKeyPaths) more.push(...(await keysAt(path)))
  return [...system, ...more]
}

/** libostree's own variable names another directory. */
function systemKeyringDir(systemRoot: string): string {
  return process.env.OSTREE_GPG_HOME ?? join(systemRoot, 'usr/share/ostree/trusted.gpg.d')
}

async function keyringsOf(dir: string): Promise<Uint8Array[]> {
  const names = ((await filesIn(dir)) ?? []).filter(
    (name) => name.endsWith('.gpg') && name !== 'trustdb.gpg' && name !== 'secring.gpg',
  )
  return Promise.all(names.map((name) => readKeyBytes(join(dir, name))))
}

/** A file, or all files of a directory. */
async function keysAt(path: string): Promise<Uint8Array[]> {
  const found = await stat(path).catch((cause: unknown) => {
    throw badKey(path, 'cannot be read', cause)
  })
  if (!found.isDirectory()) return [await readKeyBytes(path)]
  return Promise.all(((await filesIn(path)) ?? []).map((name) => readKeyBytes(join(path, name))))
}

async function optional(path: string): Promise<Buffer | undefined> {
  return readFile(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return undefined
    throw badKey(path, 'cannot be read', cause)
  })
}
