/** The test runner's own functions; vitest's, node:test's and Jest's fit. */
export interface Runner {
  readonly test: (name: string, run: () => Promise<void>, timeoutMs?: number) => unknown
  /** Groups the tests of a suite when given. */
  readonly describe?: (name: string, define: () => void) => unknown
}

export function group({ describe }: Runner, name: string, define: () => void): void {
  if (describe === undefined) define()
  else describe(name, define)
}
