import { isUtf8Name } from '@bootc-sdk/core/names'
import { tarPath } from './errors.js'

/** PATH_MAX of Linux without its NUL. */
const maxTargetBytes = 4095

/** Size of the link field of a tar header. */
const linkFieldBytes = 100

/**
 * Target of a symbolic link as it is stored.
 *
 * @param entry path of the link, for messages
 * @throws BootcError `IMAGE_TAR_PATH`
 */
export function symlinkTarget(entry: string, target: string): string {
  if (target === '') throw tarPath(entry, 'symbolic link without a target')
  if (!isUtf8Name(target)) throw tarPath(entry, 'target of the symbolic link is not UTF-8')
  if (target.includes('\0')) throw tarPath(entry, 'target of the symbolic link holds a NUL byte')
  if (Buffer.byteLength(target) > maxTargetBytes) {
    throw tarPath(entry, `target of the symbolic link is longer than ${maxTargetBytes} bytes`)
  }
  return normalizeSymlinkTarget(target)
}

/**
 * Rewrite the target of a symbolic link as the reference importer does when it copies a layer: components are
 * written one by one, so `a//b` and `a/./b` become `a/b` and `x/.` becomes `x`; a leading `./` and one
 * trailing `/` stay, and `/` becomes `//`. A result of more than 100 bytes is not used at all.
 *
 * The target is part of an object's checksum, hence the imitation.
 *
 * @param target not empty
 * @see crate tar 0.4.46, header.rs, copy_path_into
 */
export function normalizeSymlinkTarget(target: string): string {
  if (!needsWork(target)) return target
  const absolute = target.startsWith('/')
  const parts = target.split('/').filter((part) => part !== '')
  const kept = parts.filter((part, i) => part !== '.' || (i === 0 && !absolute))
  const text = `${absolute ? '/' : ''}${kept.join('/')}${target.endsWith('/') ? '/' : ''}`
  return Buffer.byteLength(text) <= linkFieldBytes ? text : target
}

function needsWork(target: string): boolean {
  return target === '/' || target.includes('//') || target.includes('/./') || target.endsWith('/.')
}
