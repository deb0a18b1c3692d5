import { isBootcError, type BootcError } from '../errors.js'
import type { Dir, Xattr } from '../interfaces/tree.js'

export const labelAttribute = 'security.selinux'

/** The attribute that holds a context; ends with NUL, as libselinux writes it. */
export function labelXattr(label: string): Xattr {
  return { name: labelAttribute, value: Buffer.from(`${label}\0`) }
}

/** Of no policy: the kernel takes such a label from those only who may write labels of other systems (mac_admin). */
const foreignLabel = 'system_u:object_r:bootc_sdk_label_probe_t:s0'
const probeName = '.bootc-sdk-label'

/**
 * Can labels of any policy be written below a directory? A file of ours is there for a moment.
 *
 * @returns undefined when they can, else why not
 */
export async function probeLabels(dir: Dir): Promise<BootcError | undefined> {
  try {
    await dir.write(probeName, new Uint8Array(), { xattrs: [labelXattr(foreignLabel)], atomic: false })
    return undefined
  } catch (error) {
    if (!isBootcError(error)) throw error
    return error
  } finally {
    await dir.remove(probeName)
  }
}
