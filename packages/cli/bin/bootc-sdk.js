#!/usr/bin/env node
// Stands in the repository, so that package managers link the command before anything is built.
import '../dist/main.js'
