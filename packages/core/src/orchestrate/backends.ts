import { BootcError } from '../errors.js'
import type { Bootloader, OpOptions, Provider, StoreBackend, Sysroot } from '../interfaces/index.js'

/** What runs on a sysroot now. */
export interface Backends {
  readonly store: StoreBackend
  readonly loader: Bootloader
}

/** Finds out which of the given providers a sysroot uses, and opens each once. */
export interface BackendSet {
  /** Undefined on a sysroot that nothing is laid out on. */
  current(options?: OpOptions): Promise<Backends | undefined>
  /** The provider of a name; without one what the sysroot uses, else the first given. */
  storeProvider(name?: string): Promise<Provider<StoreBackend>>
  loaderProvider(name?: string): Promise<Provider<Bootloader>>
  openStore(name?: string): Promise<StoreBackend>
  openLoader(name?: string): Promise<Bootloader>
  /** After `init` of a provider: what was found before no longer holds. */
  forget(): void
}

export function backendSet(
  sysroot: Sysroot,
  stores: readonly Provider<StoreBackend>[],
  loaders: readonly Provider<Bootloader>[],
): BackendSet {
  const storeFinder = finder(sysroot, stores, 'store')
  const loaderFinder = finder(sysroot, loaders, 'bootloader')
  return {
    async current() {
      const storeProvider = await storeFinder.detect()
      if (storeProvider === undefined) return undefined
      const loaderProvider = await loaderFinder.detect()
      if (loaderProvider === undefined) return undefined
      return {
        store: await storeFinder.open(storeProvider),
        loader: await loaderFinder.open(loaderProvider),
      }
    },
    storeProvider: (name) => storeFinder.choose(name),
    loaderProvider: (name) => loaderFinder.choose(name),
    openStore: (name) => storeFinder.openNamed(name),
    openLoader: (name) => loaderFinder.openNamed(name),
    forget() {
      storeFinder.forget()
      loaderFinder.forget()
    },
  }
}

/** The provider of a name. @throws `SYSROOT_UNKNOWN_PROVIDER` */
export function providerNamed<T>(providers: readonly Provider<T>[], name: string, what: string): Provider<T> {
  const found = providers.find((provider) => provider.name === name)
  if (found !== undefined) return found
  const available = providers.map((provider) => provider.name)
  throw new BootcError('SYSROOT_UNKNOWN_PROVIDER', `no ${what} named ${name} was given`, {
    details: { name, available },
  })
}

function finder<T>(sysroot: Sysroot, providers: readonly Provider<T>[], what: string) {
  const opened = new Map<Provider<T>, Promise<T>>()
  const open = (provider: Provider<T>): Promise<T> => {
    let promise = opened.get(provider)
    if (promise === undefined) {
      promise = provider.open(sysroot)
      // A failed opening must not be remembered: the cause may be gone at the next call.
      promise.catch(() => opened.delete(provider))
      opened.set(provider, promise)
    }
    return promise
  }
  const detect = async (): Promise<Provider<T> | undefined> => {
    for (const provider of providers) {
      if ((await provider.detect(sysroot)) !== undefined) return provider
    }
    return undefined
  }
  return {
    open,
    detect,
    async openNamed(name?: string): Promise<T> {
      if (name !== undefined) return open(providerNamed(providers, name, what))
      const provider = await detect()
      if (provider !== undefined) return open(provider)
      throw new BootcError('SYSROOT_NOT_INITIALIZED', `no ${what} is in use on this sysroot`, {
        details: { what, asked: providers.map((each) => each.name) },
      })
    },
    async choose(name?: string): Promise<Provider<T>> {
      if (name !== undefined) return providerNamed(providers, name, what)
      const provider = (await detect()) ?? providers[0]
      if (provider !== undefined) return provider
      throw new BootcError('SYSROOT_UNKNOWN_PROVIDER', `no ${what} was given`)
    },
    forget: () => opened.clear(),
  }
}
