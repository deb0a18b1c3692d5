import { open } from 'node:fs/promises'
import { maxImageBytes, readErofs, type ErofsImage } from '@bootc-sdk/composefs-backend/format'
import { BootcError } from '@bootc-sdk/core'

/** Where an image is named. */
export interface ImageOptions {
  readonly repo?: string
}

/** The image in a file, or in a repository by id or by a name below images/refs. */
export async function loadImage(options: ImageOptions, name: string): Promise<ErofsImage> {
  return readErofs(
    options.repo === undefined ? await readImageFile(name) : await fromRepo(options.repo, name),
  )
}

async function fromRepo(path: string, name: string): Promise<Buffer> {
  const { openRepository } = await import('./repository.js')
  await using repo = await openRepository(path)
  const isId = /^(?:[0-9a-f]{64}){1,2}$/.test(name)
  const id = isId ? name : await repo.readRef('images', name.replace(/^refs\//, ''))
  if (id === undefined || !(await repo.hasImage(id))) {
    throw new BootcError('STORE_COMPOSEFS_NO_IMAGE', `no image ${JSON.stringify(name)} in the repository`, {
      details: { image: name },
    })
  }
  return repo.readObject(id, maxImageBytes)
}

async function readImageFile(path: string): Promise<Buffer> {
  const file = await open(path)
  try {
    const { size } = await file.stat()
    if (size > maxImageBytes) {
      const reason = `${path} has ${size} bytes, more than any image`
      throw new BootcError('STORE_COMPOSEFS_BAD_IMAGE', reason, { details: { reason } })
    }
    return await file.readFile()
  } finally {
    await file.close()
  }
}
