export * from './repo/index.js'
