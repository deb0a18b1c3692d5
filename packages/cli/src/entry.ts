#!/usr/bin/env node
import module from 'node:module'
import { compiledDir } from './commands/cache-dir.js'

// `bundle.mjs` makes dist/main.js from this. Node 22 and later also keep compiled modules between runs, by default in
// /tmp: whoever is first there could give root its code.
;(module as { enableCompileCache?: (dir: string) => void }).enableCompileCache?.(compiledDir(process.env))

const { runProcess } = await import('./run-process.js')
await runProcess()
