#!/usr/bin/env node
import module from 'node:module'

// `bundle.mjs` makes dist/main.js from this. Node 22 and later also keep compiled modules between runs.
;(module as { enableCompileCache?: () => void }).enableCompileCache?.()

const { runProcess } = await import('./run-process.js')
await runProcess()
