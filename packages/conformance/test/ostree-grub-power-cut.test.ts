import { powerCutSuite } from '@bootc-sdk/conformance'
import { grubBootloader } from '@bootc-sdk/bootloader-grub'
import { ostreeBackend } from '@bootc-sdk/ostree-backend'
import { describe, test } from 'vitest'
import { sampled } from './power-cut-sample.js'

const pair = {
  store: () => ostreeBackend({ composefs: () => import('@bootc-sdk/composefs-backend/format') }),
  bootloader: () => grubBootloader(),
}

powerCutSuite({
  ...{ test, describe, name: 'ostree with grub', ...pair },
  ...{ ...sampled(1000), random: 1 },
})
// The same writes on two volumes: a sample is enough to see that each is synced in time.
powerCutSuite({
  ...{ test, describe, name: 'ostree with grub, own boot volume', ...pair, boot: 'volume' },
  ...{ minCuts: 200, every: 5 },
})
