import { resolve } from 'node:path'
import { bootTransform, ociTransform, repoFileReader, treeFromReadTree } from '@bootc-sdk/composefs-backend'
import { nodeDir } from '@bootc-sdk/core/node'
import type { Cli } from '../io.js'
import { openRepository } from './repository.js'

interface CreateFlags {
  readonly repo: string
  readonly bootable?: boolean
}

/** `bootc-sdk composefs create-image`: files by reference where the file system can; prints `ALG:HEX`. */
export async function createImage(
  cli: Cli,
  options: CreateFlags,
  directory: string,
  name?: string,
): Promise<void> {
  await using repo = await openRepository(options.repo)
  await using transaction = await repo.begin({ signal: cli.signal })
  const source = nodeDir(resolve(directory))
  const read = await treeFromReadTree(source, (file) => transaction.putFile(file), { signal: cli.signal })
  const plain = ociTransform(read)
  // The policy is read back from objects, so these have to be there.
  if (options.bootable === true) await transaction.flush()
  const tree = options.bootable === true ? await bootTransform(plain, repoFileReader(repo)) : plain
  const id = await transaction.putImage(tree)
  if (name !== undefined) transaction.setRef('images', name, id)
  await transaction.commit()
  await cli.out.write(`${repo.meta.algorithm}:${id}\n`)
}
