export type * from './types.js'
export { findPrograms, type FoundPrograms, type HealthKind, type HealthProgram } from './find-programs.js'
export { healthGate, runHealthChecks, type HealthGateOptions } from './health-gate.js'
export { spawnProgram } from './spawn-program.js'
