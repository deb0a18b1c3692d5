export { readBoundImages, type BoundImage } from './read-bound-images.js'
