import { Script, createContext } from 'node:vm'

const script = new Script('run()')

/**
 * Run a function that computes, and stop it when it takes too long: the one way to end a regular expression
 * that backtracks without end.
 *
 * @param timeoutMs of this thread, which is blocked meanwhile
 * @returns undefined when the time was up; what `run` was changing is then half done
 */
export function withTimeLimit<T>(timeoutMs: number, run: () => T): { readonly value: T } | undefined {
  let result: { readonly value: T } | undefined
  const sandbox = createContext({
    run: () => {
      result = { value: run() }
    },
  })
  try {
    script.runInContext(sandbox, { timeout: timeoutMs })
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error
    return undefined
  }
  return result
}
