/** What everything throws from the moment the power is gone; no error of ours, nobody may handle it. */
export class PowerCut extends Error {
  override readonly name = 'PowerCut'

  constructor(readonly writes: number) {
    super(`power cut after ${writes} writes`)
  }
}

/** Counts the writes of all volumes that hang on it, and takes their power away or makes one of them fail. */
export interface PowerSupply {
  /** Changing calls so far, syncs included. */
  readonly writes: number
  readonly isCut: boolean
  /** What was written, in words, one line a call. */
  readonly log: readonly string[]
  /** Let this many writes happen (counted from the beginning); the next one and all that follows throws. */
  cutAfter(writes: number): void
  /** The write of this number (0 is the first) and all that follow it for `count` throw, and change nothing. */
  failAt(write: number, error: () => Error, count?: number): void
  /** For volumes: before a read. @throws PowerCut */
  check(): void
  /** For volumes: before a write. @throws PowerCut, or the error asked for */
  beforeWrite(description: string): void
}

export function powerSupply(): PowerSupply {
  const log: string[] = []
  let limit = Infinity
  let isCut = false
  let failure: { from: number; to: number; error: () => Error } | undefined
  const check = () => {
    if (isCut) throw new PowerCut(limit)
  }
  return {
    get writes() {
      return log.length
    },
    get isCut() {
      return isCut
    },
    log,
    cutAfter(writes) {
      limit = writes
    },
    failAt(write, error, count = 1) {
      failure = { from: write, to: write + count, error }
    },
    check,
    beforeWrite(description) {
      check()
      if (log.length >= limit) {
        isCut = true
        throw new PowerCut(limit)
      }
      const number = log.length
      log.push(description)
      if (failure !== undefined && number >= failure.from && number < failure.to) throw failure.error()
    },
  }
}
