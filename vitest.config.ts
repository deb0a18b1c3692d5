import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  resolve: { conditions: ['bootc-sdk-source'] },
  ssr: { resolve: { conditions: ['bootc-sdk-source'], externalConditions: ['bootc-sdk-source'] } },
  test: {
    include: ['packages/*/test/**/*.test.ts', 'e2e/**/*.test.ts'],
    setupFiles: ['vitest.setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    pool: 'forks',
    // By default one core is left for watching.
    maxWorkers: availableParallelism(),
    reporters: ['default', { onTestRunEnd: (modules) => printTotals(modules) }],
  },
})

/** One plain line that any CI log reader understands. */
function printTotals(
  modules: readonly { children: { allTests(): Iterable<{ result(): { state: string } }> } }[],
) {
  const totals = { passed: 0, failed: 0, skipped: 0 }
  for (const module of modules) {
    for (const test of module.children.allTests()) {
      const { state } = test.result()
      if (state === 'passed' || state === 'failed' || state === 'skipped') totals[state]++
    }
  }
  console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`)
}
