import { dir, dirs, file, hardlink, opaque, seededRandom, symlink, whiteout } from '@bootc-sdk/core/testing'
import type { LayerSpec } from '@bootc-sdk/core/testing'
import type { TarMember } from '@bootc-sdk/core/tar'
import { expect, test } from 'vitest'
import { image, layout, noise, rechunk, roots } from './rechunk-sample.js'

type Tree = Map<string, 'file' | 'dir'>

const packageCount = 8

/** Layers that do to each other what layers may; each is about things that others do not touch. */
function randomLayers(next: () => number, count: number, changes: number, tree: Tree): LayerSpec[] {
  const upTo = (n: number): number => Math.floor(next() * n)
  const meta = () => ({
    mode: [0o755, 0o700, 0o1777][upTo(3)]!,
    uid: upTo(3),
    mtime: upTo(4) + (upTo(2) === 0 ? 0.5 : 0),
    ...(upTo(4) === 0 ? { xattrs: { 'user.a': String(upTo(3)), 'security.capability': 'c' } } : {}),
  })
  const layer = (): LayerSpec => {
    const entries: TarMember[] = []
    const touched = new Set<string>()
    const remove = (path: string): void => {
      for (const at of [...tree.keys()]) if (at === path || at.startsWith(`${path}/`)) tree.delete(at)
    }
    const parents = (path: string): void => {
      const parts = path.split('/').slice(0, -1)
      parts.forEach((_, i) => {
        const at = parts.slice(0, i + 1).join('/')
        if (tree.get(at) !== 'dir') remove(at)
        if (tree.get(at) !== 'dir' || (!touched.has(at) && upTo(3) === 0)) {
          entries.push(dir(at, meta()))
          tree.set(at, 'dir')
        }
        touched.add(at)
      })
    }
    for (let n = 0; n < changes; n++) {
      const depth = 1 + upTo(3)
      const path = ['usr', ...Array.from({ length: depth }, () => `${'abcd'[upTo(4)]}`)].join('/')
      const overlaps = [...touched].some((at) => at === path || at.startsWith(`${path}/`))
      const under = [...touched].some((at) => path.startsWith(`${at}/`) && tree.get(at) !== 'dir')
      if (overlaps || under) continue
      const kind = upTo(7)
      if (kind === 0) {
        if (!tree.has(path)) continue
        parents(path)
        entries.push(whiteout(path))
        remove(path)
        // Nothing below it comes again in this layer.
        tree.set(path, 'file')
        touched.add(path)
        continue
      }
      parents(path)
      touched.add(path)
      if (kind === 1 || kind === 2) {
        if (tree.get(path) !== 'dir') remove(path)
        entries.push(dir(path, meta()))
        if (kind === 2) {
          remove(path)
          entries.push(opaque(path))
        }
        tree.set(path, 'dir')
        continue
      }
      remove(path)
      tree.set(path, 'file')
      if (kind === 3) entries.push(symlink(path, 'a'))
      else entries.push(file(path, noise(String(upTo(50)), [0, 100, 20_000, 70_000][upTo(4)]!), meta()))
      if (kind === 4) {
        entries.push(hardlink(`usr/link-${n}`, path))
        tree.set(`usr/link-${n}`, 'file')
      }
    }
    for (const at of touched) if (entries.some(({ name }) => name === wh(at))) tree.delete(at)
    return { entries, compression: 'none' }
  }
  return Array.from({ length: count }, layer)
}

function wh(path: string): string {
  const cut = path.lastIndexOf('/') + 1
  return `${path.slice(0, cut)}.wh.${path.slice(cut)}`
}

/** A database that gives some of the paths to packages. */
function database(next: () => number): LayerSpec {
  const lists = Array.from({ length: packageCount }, (_, p) => {
    const paths = Array.from({ length: 10 }, () => {
      const depth = 1 + Math.floor(next() * 3)
      return `/usr/${Array.from({ length: depth }, () => 'abcd'[Math.floor(next() * 4)]).join('/')}`
    })
    return file(`var/lib/dpkg/info/p${p}.list`, `${paths.join('\n')}\n`)
  })
  const places = dirs('usr', 'boot', 'sysroot', 'var', 'var/lib', 'var/lib/dpkg', 'var/lib/dpkg/info')
  return { entries: [...places, ...lists], compression: 'none' }
}

test.each(Array.from({ length: 8 }, (_, seed) => seed))(
  'random layers, in three versions one after the other (seed %i)',
  async (seed) => {
    const next = seededRandom(seed)
    const at = await layout()
    const maxLayers = [2, 3, 4, 6, 12, 64][seed % 6]!
    const tree: Tree = new Map([['usr', 'dir']])
    const layers = [database(next), ...randomLayers(next, 4, 12, tree)]
    for (let version = 1; version <= 3; version++) {
      if (version > 1) layers.push(...randomLayers(next, 1, 12, tree))
      const source = image(layers)
      const previous = version > 1 ? { from: at(String(version - 1)) } : {}
      const { layers: made } = await rechunk(source, at(String(version)), {
        maxLayers,
        compression: 'none',
        ...previous,
      })
      expect(made.length).toBeLessThanOrEqual(maxLayers)
      expect(await roots(at(String(version))), `version ${version}`).toEqual(await roots(source))
    }
  },
)
