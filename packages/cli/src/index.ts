export { runCli } from './run-cli.js'
export type { Cli, Output } from './io.js'
