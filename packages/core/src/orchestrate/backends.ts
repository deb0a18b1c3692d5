import { BootcError } from '../errors.js'
import type { Bootloader, Provider, StoreBackend, Sysroot } from '../interfaces/index.js'
import { joinStores } from './joined-store.js'

/** What runs on a sysroot now. */
export interface Backends {
  /** The one that new deployments go to, joined with others that still have some. */
  readonly store: StoreBackend
  readonly loader: Bootloader
}

/** Finds out which of the given providers a sysroot uses, and opens each once. */
export interface BackendSet {
  /**
   * Undefined on a sysroot that nothing is laid out on. Where several stores are, the one that has the default
   * deployment comes first, or the one that is asked for.
   */
  current(options?: { readonly store?: string | undefined }): Promise<Backends | undefined>
  /** Names of the stores laid out here, in order of preference. */
  storesInUse(): Promise<readonly string[]>
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
    async current({ store: wanted } = {}) {
      const providers = await storeFinder.detectAll()
      if (providers.length === 0) return undefined
      const loaderProvider = await loaderFinder.detect()
      if (loaderProvider === undefined) return undefined
      const loader = await loaderFinder.open(loaderProvider)
      const found: StoreBackend[] = []
      for (const provider of providers) found.push(await storeFinder.open(provider))
      const [first] = found as [StoreBackend, ...StoreBackend[]]
      if (found.length === 1 && (wanted === undefined || wanted === first.name))
        return { store: first, loader }
      const primary =
        wanted === undefined
          ? ((await storeOfDefault(loader, found)) ?? first)
          : found.find(({ name }) => name === wanted)
      if (primary === undefined) throw notInUse(wanted!, found)
      const others = found.filter((store) => store !== primary)
      return { store: joinStores(sysroot, primary, others), loader }
    },
    async storesInUse() {
      return (await storeFinder.detectAll()).map(({ name }) => name)
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

/** Which store the system boots from by default. */
async function storeOfDefault(
  loader: Bootloader,
  stores: readonly StoreBackend[],
): Promise<StoreBackend | undefined> {
  const [entry] = (await loader.read()).entries
  if (entry === undefined) return undefined
  for (const store of stores) {
    if ((await store.deployments.identify(entry.options)) !== undefined) return store
  }
  return undefined
}

function notInUse(name: string, found: readonly StoreBackend[]): BootcError {
  return new BootcError('SYSROOT_NOT_INITIALIZED', `no store ${name} is laid out on this sysroot`, {
    details: { what: 'store', asked: [name], available: found.map((each) => each.name) },
  })
}

/** The provider of a name. @throws `SYSROOT_UNKNOWN_PROVIDER` */
function providerNamed<T>(providers: readonly Provider<T>[], name: string, what: string): Provider<T> {
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
  const detectAll = async (limit = Infinity): Promise<Provider<T>[]> => {
    const found: Provider<T>[] = []
    for (const provider of providers) {
      if (found.length < limit && (await provider.detect(sysroot)) !== undefined) found.push(provider)
    }
    return found
  }
  const detect = async (): Promise<Provider<T> | undefined> => (await detectAll(1))[0]
  return {
    open,
    detect,
    detectAll,
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
