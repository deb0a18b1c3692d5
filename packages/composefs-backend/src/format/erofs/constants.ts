/**
 * Numbers of the composefs flavour of EROFS.
 *
 * Sources: the kernel's fs/erofs/erofs_fs.h; composefs 1.0.8, libcomposefs/lcfs-erofs.h; composefs-rs 0.7.0,
 * erofs/format.rs. All integers on disk are little-endian.
 */

/** Block size and its logarithm: the only ones in use. */
export const BLOCK_SIZE = 4096
export const BLOCK_BITS = 12

/** composefs header: 32 bytes at offset 0. */
export const HEADER_MAGIC = 0xd078629a
export const HEADER_VERSION = 1
/** Header flag: some inode has a POSIX ACL, so the mount must not say `noacl`. */
export const HEADER_FLAG_ACL = 1
export const HEADER_SIZE = 32
/** Offsets in the header. */
export const HEADER = { magic: 0, version: 4, flags: 8, composefsVersion: 12 } as const

/** EROFS superblock: 128 bytes. */
export const SUPERBLOCK_OFFSET = 1024
export const SUPERBLOCK_SIZE = 128
export const SUPERBLOCK_MAGIC = 0xe0f5e1e2
/** Offsets in the superblock, from its start. */
export const SUPERBLOCK = {
  magic: 0,
  checksum: 4,
  featureCompat: 8,
  blockBits: 12,
  extSlots: 13,
  rootNid: 14,
  inodes: 16,
  buildTime: 24,
  buildTimeNsec: 32,
  blocks: 36,
  metaBlock: 40,
  xattrBlock: 44,
  uuid: 48,
  volumeName: 64,
  featureIncompat: 80,
  compression: 84,
  extraDevices: 86,
  deviceTableSlot: 88,
  directoryBits: 90,
  xattrPrefixCount: 91,
  xattrPrefixStart: 92,
  packedNid: 96,
} as const
export const COMPAT_SUPERBLOCK_CHECKSUM = 1
export const COMPAT_MTIME = 2
export const COMPAT_XATTR_FILTER = 4
export const INCOMPAT_CHUNKED_FILE = 4

/** Inodes lie at multiples of a slot; nid = offset / slot. The first follows the superblock. */
export const SLOT_SIZE = 32
export const FIRST_INODE_OFFSET = SUPERBLOCK_OFFSET + SUPERBLOCK_SIZE
export const COMPACT_INODE_SIZE = 32
export const EXTENDED_INODE_SIZE = 64
/** i_format = layout << 1 | extended. */
export const LAYOUT_PLAIN = 0
export const LAYOUT_INLINE = 2
export const LAYOUT_CHUNKED = 4
/** Offsets in a 32-byte inode. */
export const COMPACT = {
  format: 0,
  xattrCount: 2,
  mode: 4,
  nlink: 6,
  size: 8,
  u: 16,
  ino: 20,
  uid: 24,
  gid: 26,
} as const
/** Offsets in a 64-byte inode; size and mtime are 64 bits wide. */
export const EXTENDED = {
  format: 0,
  xattrCount: 2,
  mode: 4,
  size: 8,
  u: 16,
  ino: 20,
  uid: 24,
  gid: 28,
  mtime: 32,
  mtimeNsec: 40,
  nlink: 44,
} as const

/** Chunk-based files: low bits of i_u are log2(chunk) - 12; null address of a chunk that is not in the image. */
export const CHUNK_BITS_MASK = 31
export const CHUNK_NULL = 0xffffffff
export const MAX_CHUNKS = 1024
export const MAX_CHUNK_BITS = BLOCK_BITS + CHUNK_BITS_MASK

/** Directory entry: u64 nid, u16 offset of the name in the block, u8 type, u8 zero. */
export const DIRENT_SIZE = 12
export const DIRENT = { nid: 0, nameOffset: 8, type: 10 } as const
export const FT_REGULAR = 1
export const FT_DIRECTORY = 2
export const FT_CHARACTER = 3
export const FT_BLOCK = 4
export const FT_FIFO = 5
export const FT_SOCKET = 6
export const FT_SYMLINK = 7

/** Header of an inode's attributes: u32 name filter, u8 number of shared ids, 7 zero bytes. */
export const XATTR_HEADER_SIZE = 12
/** Entry of an attribute: u8 suffix length, u8 prefix index, u16 value length, suffix, value, padding to 4. */
export const XATTR_ENTRY_SIZE = 4
/** Seed of the name filter, to which the prefix index is added. */
export const XATTR_FILTER_SEED = 0x25bbe08f
/** Bit of an index that refers to long prefixes in the packed inode; never in our images. */
export const XATTR_LONG_PREFIX = 0x80
/** Name prefixes by index; index 0 is the empty one. 5 occurs in composefs_version 2 only. */
export const XATTR_PREFIXES: readonly string[] = [
  '',
  'user.',
  'system.posix_acl_access',
  'system.posix_acl_default',
  'trusted.',
  'lustre.',
  'security.',
]
/** What mkcomposefs allows one inode to share; the count is a byte. */
export const MAX_SHARED_XATTRS_C = 128

/** Attributes of the overlay file system that make a file of an image refer to an object. */
export const XATTR_OVERLAY = 'trusted.overlay.'
/** A user's `trusted.overlay.X` is `trusted.overlay.overlay.X` in the image. */
export const XATTR_OVERLAY_ESCAPED = 'trusted.overlay.overlay.'
export const XATTR_METACOPY = 'trusted.overlay.metacopy'
export const XATTR_REDIRECT = 'trusted.overlay.redirect'
export const XATTR_OPAQUE = 'trusted.overlay.opaque'
export const XATTR_ESCAPED_OPAQUE = 'trusted.overlay.overlay.opaque'
export const XATTR_ESCAPED_WHITEOUT = 'trusted.overlay.overlay.whiteout'
export const XATTR_ESCAPED_WHITEOUTS = 'trusted.overlay.overlay.whiteouts'
export const XATTR_USER_OPAQUE = 'user.overlay.opaque'
export const XATTR_USER_WHITEOUT = 'user.overlay.whiteout'
export const XATTR_USER_WHITEOUTS = 'user.overlay.whiteouts'
export const XATTR_SELINUX = 'security.selinux'
export const XATTR_ACL_ACCESS = 'system.posix_acl_access'
export const XATTR_ACL_DEFAULT = 'system.posix_acl_default'

/** metacopy value: u8 version 0, u8 length with header, u8 flags 0, u8 algorithm, digest. */
export const METACOPY_HEADER_SIZE = 4

/** Largest image that composefs-rs reads. */
export const MAX_IMAGE_BYTES = 2 ** 30
