import type { OpOptions } from '../interfaces/index.js'
import type { SignedImageReference } from '../oci/reference.js'
import { deployPulled, noChange, pullForHost } from './change.js'
import { assertBooted, withWriter, type Context } from './context.js'
import { followedImage, sameReference } from './followed.js'
import { notRebooted, rebootInto } from './reboot-into.js'
import { forgiveImage } from './trial-failed.js'
import { settleTrials } from './trial-settle.js'
import type { ChangeResult, SwitchOptions } from './types.js'

/**
 * `bootc switch`: follow another reference from now on. Always makes a deployment, also of an image that
 * runs already; /etc and /var are kept.
 */
export function switchImage(
  context: Context,
  target: SignedImageReference,
  options: SwitchOptions & OpOptions,
): Promise<ChangeResult> {
  return withWriter(context, options, async (before) => {
    assertBooted(before)
    const { writer, warnings: settled } = await settleTrials(before, options)
    const { state } = writer
    const followed = followedImage(state)
    if (followed !== undefined && sameReference(followed, target)) {
      const wished = options.apply === true || options.softReboot !== undefined
      const { staged } = state
      const reboot =
        wished && staged !== undefined ? await rebootInto(writer, staged.id, options, options) : notRebooted
      return noChange('unchanged', { ...reboot, warnings: [...settled, ...reboot.warnings] })
    }
    const pull = await pullForHost(writer, target, options)
    const how = {
      origin: target,
      retainOrigin: options.retain === true,
      locked: false,
      apply: options.apply === true,
      softReboot: options.softReboot,
    }
    const forgiven = await forgiveImage(writer, pull.image)
    const result = await deployPulled(writer, pull, how, options)
    return { ...result, warnings: [...settled, ...forgiven, ...result.warnings] }
  })
}
