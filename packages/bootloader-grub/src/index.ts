export { grubBootloader } from './provider.js'
