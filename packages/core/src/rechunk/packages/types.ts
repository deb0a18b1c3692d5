/** A package as its database describes it. */
export interface PackageFiles {
  /** Unique among the packages of an image. */
  readonly name: string
  /** What it was built from: packages of one source are updated together. */
  readonly source: string
  /** Absolute, or relative to the root; directories among them do no harm. */
  readonly paths: readonly string[]
}

/** Files of the image that a reader of databases may look at. */
export interface DatabaseFiles {
  /** Names in a directory, sorted; empty when there is none. */
  list(path: string): readonly string[]
  /** Content of a regular file of at most 256 MiB. */
  read(path: string): Promise<Buffer | undefined>
}
