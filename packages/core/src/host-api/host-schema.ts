const text = { type: 'string' } as const
const textOrNull = { type: ['string', 'null'] } as const
const flag = { type: 'boolean', default: false } as const
const texts = { type: ['object', 'null'], additionalProperties: text } as const
const ref = (name: string) => ({ $ref: `#/$defs/${name}` }) as const
const orNull = (name: string) => ({ anyOf: [ref(name), { type: 'null' }] }) as const

/**
 * JSON schema (draft 2020-12) of the status document; members that documents of other versions may lack are
 * not required, unknown members are allowed.
 */
export const hostSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Host',
  description: 'The core host definition',
  type: 'object',
  required: ['apiVersion', 'kind'],
  properties: {
    apiVersion: text,
    kind: text,
    metadata: { ...ref('ObjectMeta'), default: {} },
    spec: { ...ref('HostSpec'), default: { bootOrder: 'default', image: null } },
    status: {
      ...ref('HostStatus'),
      default: { booted: null, readOnly: false, rollback: null, rollbackQueued: false, staged: null },
    },
  },
  $defs: {
    ObjectMeta: {
      type: 'object',
      properties: { annotations: texts, labels: texts, name: textOrNull, namespace: textOrNull },
    },
    HostSpec: {
      type: 'object',
      properties: { bootOrder: { ...ref('BootOrder'), default: 'default' }, image: orNull('ImageReference') },
    },
    BootOrder: { type: 'string', enum: ['default', 'rollback'] },
    HostStatus: {
      type: 'object',
      properties: {
        staged: orNull('BootEntry'),
        booted: orNull('BootEntry'),
        rollback: orNull('BootEntry'),
        otherDeployments: { type: 'array', items: ref('BootEntry') },
        rollbackQueued: flag,
        type: { type: ['string', 'null'], enum: ['bootcHost', null] },
        usrOverlay: orNull('FilesystemOverlay'),
        readOnly: flag,
      },
    },
    BootEntry: {
      type: 'object',
      required: ['incompatible', 'pinned'],
      properties: {
        image: orNull('ImageStatus'),
        cachedUpdate: orNull('ImageStatus'),
        incompatible: { type: 'boolean' },
        pinned: { type: 'boolean' },
        softRebootCapable: flag,
        softRebootQueued: flag,
        downloadOnly: flag,
        store: { type: ['string', 'null'], enum: ['ostreeContainer', null] },
        ostree: orNull('BootEntryOstree'),
        composefs: orNull('BootEntryComposefs'),
      },
    },
    BootEntryOstree: {
      type: 'object',
      required: ['stateroot', 'checksum', 'deploySerial'],
      properties: {
        stateroot: text,
        checksum: text,
        deploySerial: { type: 'integer', format: 'uint32', minimum: 0 },
      },
    },
    BootEntryComposefs: {
      type: 'object',
      required: ['verity', 'bootType', 'bootloader', 'missingVerityAllowed'],
      properties: {
        verity: text,
        bootType: { type: 'string', enum: ['Bls', 'Uki'] },
        bootloader: { type: 'string', enum: ['grub', 'grub-cc', 'systemd', 'none'] },
        bootDigest: textOrNull,
        missingVerityAllowed: { type: 'boolean' },
      },
    },
    ImageReference: {
      type: 'object',
      required: ['image', 'transport'],
      properties: {
        image: text,
        transport: text,
        signature: { anyOf: [ref('ImageSignature'), { type: 'null' }] },
      },
    },
    ImageSignature: {
      oneOf: [
        {
          type: 'object',
          required: ['ostreeRemote'],
          properties: { ostreeRemote: text },
          additionalProperties: false,
        },
        { type: 'string', enum: ['containerPolicy', 'insecure'] },
      ],
    },
    ImageStatus: {
      type: 'object',
      required: ['image', 'imageDigest', 'architecture'],
      properties: {
        image: ref('ImageReference'),
        version: textOrNull,
        timestamp: { type: ['string', 'null'], format: 'date-time' },
        imageDigest: text,
        architecture: text,
      },
    },
    FilesystemOverlay: {
      type: 'object',
      required: ['accessMode', 'persistence'],
      properties: {
        accessMode: { type: 'string', enum: ['readOnly', 'readWrite'] },
        persistence: { type: 'string', enum: ['transient', 'persistent'] },
      },
    },
  },
} as const
