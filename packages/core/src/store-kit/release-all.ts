/** Release what is held, the last first, and all of it: the first failure is thrown when nothing is held any more. */
export async function releaseAll(held: AsyncDisposable[]): Promise<void> {
  const failures: unknown[] = []
  for (const lock of held.splice(0).reverse()) {
    try {
      await lock[Symbol.asyncDispose]()
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length > 0) throw failures[0]
}
