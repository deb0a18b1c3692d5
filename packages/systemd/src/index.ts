export { installSystemdPieces, type InstallPiecesOptions, type InstalledPieces } from './install-pieces.js'
export { type InitramfsGenerator, initramfsGenerators, type PieceName, pieceNames } from './pieces.js'
export { shippedFiles } from './shipped-files.js'
