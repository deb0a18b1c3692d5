import { powerCutSuite } from '@bootc-sdk/conformance'
import { grubBootloader } from '@bootc-sdk/bootloader-grub'
import { composefsBackend } from '@bootc-sdk/composefs-backend'
import { composefsRoots } from '@bootc-sdk/composefs-backend/testing'
import { describe, test } from 'vitest'
import { sampled } from './power-cut-sample.js'

const pair = {
  store: () => composefsBackend(),
  bootloader: () => grubBootloader(),
  roots: [composefsRoots],
}

powerCutSuite({
  ...{ test, describe, name: 'composefs with grub', ...pair },
  ...{ ...sampled(600), random: 1 },
})
// The same writes on two volumes: a sample.
powerCutSuite({
  ...{ test, describe, name: 'composefs with grub, own boot volume', ...pair, boot: 'volume' },
  ...{ minCuts: 120, every: 5, random: 1 },
})
