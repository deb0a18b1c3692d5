import { BootcError, type Dir, type OpOptions, type ReadTree } from '@bootc-sdk/core'
import { joinPath, parentPath } from '@bootc-sdk/core/names'
import { readSmall } from '@bootc-sdk/core/store-kit'
import {
  autoUpdatePiece,
  initramfsGenerators,
  pieceNames,
  pieces,
  type InitramfsGenerator,
  type Piece,
  type PieceName,
} from './pieces.js'
import { shippedFiles } from './shipped-files.js'

/** The command as units and scripts of this package call it. */
const defaultCommand = '/usr/bin/bootc-sdk'

export interface InstallPiecesOptions extends OpOptions<never> {
  /** Default: all. */
  readonly only?: readonly PieceName[]
  /** Enable or disable the update timer; left out, that stays as it is. */
  readonly autoUpdate?: boolean
  /** What makes the initramfs of the image. Default: what is there, and when nothing is, all. */
  readonly initramfs?: readonly InitramfsGenerator[]
  /** Where the image has the command, absolute. Default `/usr/bin/bootc-sdk`. */
  readonly commandPath?: string
  /** Default: the files of this package. */
  readonly files?: ReadTree
}

/** Plain data; paths relative to the image's root, in the order of writing. */
export interface InstalledPieces {
  readonly written: readonly string[]
  readonly removed: readonly string[]
}

/**
 * Write units, generator, settings and scripts into the tree of an image. Repeatable: what is there already is not
 * touched, what differs is replaced.
 *
 * @param dir root of the image, or a directory whose content an image build copies in
 * @throws BootcError `HOST_PIECES_MISSING`, `HOST_INVALID_PATH` for the command, `TREE_…` of the directory
 */
export async function installSystemdPieces(
  dir: Dir,
  options: InstallPiecesOptions = {},
): Promise<InstalledPieces> {
  const { only = pieceNames, autoUpdate, commandPath = defaultCommand, signal } = options
  // It becomes a word of unit files and of shell scripts.
  if (!/^\/[\w./+-]+$/.test(commandPath)) {
    throw new BootcError('HOST_INVALID_PATH', `${commandPath} cannot be the command's path in units`, {
      details: { path: commandPath },
    })
  }
  const files = options.files ?? shippedFiles()
  const target = new Target(dir)
  const generators = options.initramfs ?? (await generatorsIn(dir))
  for (const name of pieceNames.filter((each) => only.includes(each))) {
    const piece: Piece = pieces[name]
    for (const path of [...piece.files, ...(piece.programs ?? [])]) {
      signal?.throwIfAborted()
      if (!isFor(generators, path)) continue
      const shipped = await readSmall(files, path)
      if (shipped === undefined) {
        throw new BootcError('HOST_PIECES_MISSING', `${path} is missing in the package @bootc-sdk/systemd`)
      }
      const text = shipped.toString('utf8').replaceAll(defaultCommand, commandPath)
      await target.file(path, text, piece.programs?.includes(path) ? 0o755 : 0o644)
    }
    for (const path of piece.directories ?? []) await target.directory(path)
    for (const [path, to] of Object.entries(piece.links ?? {})) await target.link(path, to)
  }
  if (autoUpdate !== undefined) {
    const { links, preset } = autoUpdatePiece
    if (autoUpdate) await target.file(preset.path, preset.text, 0o644)
    else await target.remove(preset.path)
    for (const [path, to] of Object.entries(links)) {
      await (autoUpdate ? target.link(path, to) : target.remove(path))
    }
  }
  if (target.written.length > 0 || target.removed.length > 0) await dir.sync()
  return { written: target.written, removed: target.removed }
}

/** A file that only the generator itself brings. */
const signs: Readonly<Record<InitramfsGenerator, string>> = {
  dracut: 'usr/lib/dracut/dracut-init.sh',
  'initramfs-tools': 'usr/share/initramfs-tools/hook-functions',
  mkinitcpio: 'usr/lib/initcpio/functions',
}

/** What lies here is for one of them only. */
const places: Readonly<Record<string, InitramfsGenerator>> = {
  'usr/lib/dracut/': 'dracut',
  'usr/share/initramfs-tools/': 'initramfs-tools',
}

function isFor(generators: readonly InitramfsGenerator[], path: string): boolean {
  return Object.entries(places).every(([place, name]) => !path.startsWith(place) || generators.includes(name))
}

async function generatorsIn(dir: Dir): Promise<readonly InitramfsGenerator[]> {
  const found: InitramfsGenerator[] = []
  for (const name of initramfsGenerators) if ((await dir.stat(signs[name])) !== undefined) found.push(name)
  return found.length === 0 ? initramfsGenerators : found
}

class Target {
  readonly written: string[] = []
  readonly removed: string[] = []
  readonly #dir: Dir

  constructor(dir: Dir) {
    this.#dir = dir
  }

  async file(path: string, text: string, mode: number): Promise<void> {
    const data = Buffer.from(text)
    const found = await this.#dir.stat(path)
    if (found?.type === 'file' && found.mode === mode) {
      if (data.equals((await readSmall(this.#dir, path)) ?? Buffer.alloc(0))) return
    }
    await this.directory(parentPath(path))
    // Never through a link, such as the mask of a unit.
    if (found !== undefined && found.type !== 'file') await this.#dir.remove(path)
    await this.#dir.write(path, data, { mode })
    this.written.push(path)
  }

  async link(path: string, to: string): Promise<void> {
    const found = await this.#dir.stat(path)
    if (found?.type === 'symlink' && (await this.#dir.readlink(path)) === to) return
    await this.directory(parentPath(path))
    await this.#dir.remove(path)
    await this.#dir.symlink(to, path)
    this.written.push(path)
  }

  async remove(path: string): Promise<void> {
    if ((await this.#dir.stat(path)) === undefined) return
    await this.#dir.remove(path)
    this.removed.push(path)
  }

  async directory(path: string): Promise<void> {
    let at = ''
    for (const name of path.split('/')) {
      at = joinPath(at, name)
      if ((await this.#dir.stat(at)) === undefined) await this.#dir.mkdir(at, { mode: 0o755 })
    }
  }
}
