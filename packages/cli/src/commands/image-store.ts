import type { ImageStore } from '@bootc-sdk/core'

/** Which store a command works on. */
export interface StoreOptions {
  readonly repo: string
  readonly store: 'ostree' | 'composefs'
}

/** A store with what has to be closed when the command is done. */
export interface OpenedStore extends AsyncDisposable {
  readonly store: ImageStore
}

/** The images of the repository that `--repo` names. Only the backend that is asked for is loaded. */
export async function openImageStore({ repo, store }: StoreOptions): Promise<OpenedStore> {
  if (store === 'ostree') {
    const [{ ostreeImageStore }, { openRepository }] = await Promise.all([
      import('@bootc-sdk/ostree-backend'),
      import('../ostree/repository.js'),
    ])
    return {
      store: ostreeImageStore(await openRepository({ repo })),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }
  }
  const [{ composefsImageStore }, { openRepository }] = await Promise.all([
    import('@bootc-sdk/composefs-backend'),
    import('../composefs/repository.js'),
  ])
  const opened = await openRepository(repo)
  return {
    store: composefsImageStore(opened),
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  }
}
