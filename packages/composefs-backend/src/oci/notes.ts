import { createHash } from 'node:crypto'
import type { CachedUpdate, Digest, Dir, ImageReference } from '@bootc-sdk/core'
import { isDigest, maxDocumentBytes, parseImageReference, printImageReference } from '@bootc-sdk/core/oci'
import { ensureDir, listNames, readFile } from '../repo/io.js'

/**
 * Directory of ours in the repository. composefs-rs and bootc look at `meta.json`, `objects`, `images` and
 * `streams` only (bootc itself keeps its container storage beside them).
 */
const notesDir = 'bootc-sdk'
const referencesDir = `${notesDir}/references`
const updatesDir = `${notesDir}/updates`

/** Manifest and config, printed anew. */
const maxNoteBytes = 4 * maxDocumentBytes

interface ReferenceNote {
  /** As `printImageReference` writes it. */
  readonly reference: string
  readonly manifestDigest: Digest
}

/**
 * What the repository format has no place for: which reference an image came from where its tag does not say
 * so, and what a check for updates saw. Small JSON files that keep nothing alive: one about an image that is
 * gone means nothing, and the next prune removes it.
 */
export class ImageNotes {
  readonly #dir: Dir

  constructor(dir: Dir) {
    this.#dir = dir
  }

  async manifestOf(reference: ImageReference): Promise<Digest | undefined> {
    const text = printImageReference(reference)
    const note = referenceNote(await this.#read(referencePath(text)))
    return note?.reference === text ? note.manifestDigest : undefined
  }

  /** @param manifestDigest undefined removes the note. @returns false when there was none to remove */
  async setReference(reference: ImageReference, manifestDigest: Digest | undefined): Promise<boolean> {
    const text = printImageReference(reference)
    const path = referencePath(text)
    if (manifestDigest !== undefined) {
      await this.#write(referencesDir, path, { reference: text, manifestDigest })
      return true
    }
    const existed = (await this.#dir.stat(path)) !== undefined
    await this.#dir.remove(path)
    return existed
  }

  /** References with their images, in order of their text. */
  async references(): Promise<{ reference: ImageReference; manifestDigest: Digest }[]> {
    const notes: ReferenceNote[] = []
    for (const path of await this.#files(referencesDir)) {
      const note = referenceNote(await this.#read(path))
      if (note !== undefined) notes.push(note)
    }
    notes.sort((a, b) => (a.reference < b.reference ? -1 : 1))
    return notes.flatMap(({ reference, manifestDigest }) => {
      const parsed = parsedReference(reference)
      return parsed === undefined ? [] : [{ reference: parsed, manifestDigest }]
    })
  }

  async cachedUpdate(manifestDigest: Digest): Promise<CachedUpdate | undefined> {
    return updateNote(await this.#read(updatePath(manifestDigest)))
  }

  async setCachedUpdate(manifestDigest: Digest, update: CachedUpdate | undefined): Promise<void> {
    const path = updatePath(manifestDigest)
    if (update === undefined) await this.#dir.remove(path)
    else await this.#write(updatesDir, path, update)
  }

  /** Remove notes about images that are not there any more. */
  async prune(isThere: (manifestDigest: Digest) => Promise<boolean>): Promise<void> {
    for (const path of await this.#files(referencesDir)) {
      const digest = referenceNote(await this.#read(path))?.manifestDigest
      if (digest === undefined || !(await isThere(digest))) await this.#dir.remove(path)
    }
    for (const path of await this.#files(updatesDir)) {
      const digest = /([^/]+)\.json$/.exec(path)?.[1]
      if (!isDigest(digest) || !(await isThere(digest))) await this.#dir.remove(path)
    }
  }

  async #files(dir: string): Promise<string[]> {
    return (await listNames(this.#dir, dir)).map((name) => `${dir}/${name}`)
  }

  async #write(dir: string, path: string, value: object): Promise<void> {
    for (const each of [notesDir, dir]) await ensureDir(this.#dir, each)
    await this.#dir.write(path, Buffer.from(`${JSON.stringify(value)}\n`), { mode: 0o644 })
  }

  /** What cannot be read counts as not written. */
  async #read(path: string): Promise<Readonly<Record<string, unknown>> | undefined> {
    const bytes = await readFile(this.#dir, path, maxNoteBytes)
    if (typeof bytes === 'string') return undefined
    try {
      const value: unknown = JSON.parse(bytes.toString('utf8'))
      return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
    } catch {
      return undefined
    }
  }
}

/** References are longer than file names may be. */
function referencePath(reference: string): string {
  return `${referencesDir}/${createHash('sha256').update(reference).digest('hex')}.json`
}

const updatePath = (manifestDigest: Digest): string => `${updatesDir}/${manifestDigest}.json`

function referenceNote(value: Readonly<Record<string, unknown>> | undefined): ReferenceNote | undefined {
  const { reference, manifestDigest } = value ?? {}
  return typeof reference === 'string' && isDigest(manifestDigest) ? { reference, manifestDigest } : undefined
}

function updateNote(value: Readonly<Record<string, unknown>> | undefined): CachedUpdate | undefined {
  const { manifestDigest, manifest, config } = value ?? {}
  if (!isDigest(manifestDigest) || typeof manifest !== 'object' || typeof config !== 'object')
    return undefined
  if (manifest === null || config === null) return undefined
  return { manifestDigest, manifest, config } as CachedUpdate
}

function parsedReference(text: string): ImageReference | undefined {
  try {
    return parseImageReference(text)
  } catch {
    return undefined
  }
}
