export { openChunked, type ChunkedLayer, type ChunkedSource } from './open-chunked.js'
