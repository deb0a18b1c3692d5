import type { Cli } from '../io.js'
import { openRepository } from './repository.js'

/** `bootc-sdk composefs images`: what may be mounted, with the names that keep it. */
export async function images(
  cli: Cli,
  options: { readonly repo: string; readonly json?: boolean },
): Promise<void> {
  await using repo = await openRepository(options.repo)
  const names = new Map<string, string[]>()
  for await (const id of repo.listImages()) names.set(id, [])
  for await (const { name, target } of repo.listRefs('images')) names.get(target)?.push(name)
  const list = [...names].map(([id, refs]) => ({ id, refs: refs.sort() }))
  list.sort((a, b) => (a.id < b.id ? -1 : 1))
  if (options.json === true) {
    await cli.out.write(`${JSON.stringify({ images: list })}\n`)
    return
  }
  if (list.length === 0) await cli.out.write('No images found\n')
  for (const { id, refs } of list) await cli.out.write(`${[id, ...refs].join(' ')}\n`)
}
