export { systemdBoot, type SystemdBootOptions } from './provider.js'
