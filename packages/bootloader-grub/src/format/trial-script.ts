import { quoteWord } from './quote.js'

/** Variables in GRUB's environment. The first two are those of Fedora's and greenboot's configuration. */
export const names = Object.freeze({
  /** Tries that are left; -1 once GRUB has fallen back. */
  counter: 'boot_counter',
  /** 0 while on trial. */
  success: 'boot_success',
  /** What grub-reboot sets. */
  next: 'next_entry',
  /** Ours: which entry is on trial. A counter for another set of entries means nothing. */
  trial: 'bootc_sdk_trial',
  /** Ours: tries that the trial began with. */
  tries: 'bootc_sdk_tries',
})

/** GRUB's script has no arithmetic without a module that signed programs lack, so each step is spelled. */
export const maxTries = 9

export interface TrialScript {
  /** Path of `grubenv` with its device, as a word of the script. */
  readonly environment: string
  /** Of the first entry. */
  readonly trialId: string
  /** There is a second entry to fall back to. */
  readonly hasFallback: boolean
}

/**
 * Lines that choose the default entry: the first one; on trial, after counting down, as long as tries are left, then
 * the second one, of which `boot_counter=-1` tells; or the one that is to boot once. A counter without our variable
 * is greenboot's and counts too. Where GRUB cannot write, nothing counts down, and the first entry boots.
 *
 * @see greenboot 0.15 grub2/08_greenboot for what boot_counter and boot_success mean
 */
export function trialScript({ environment, trialId, hasFallback }: TrialScript): string {
  const { counter, success, next, trial } = names
  const lines = [
    'set default=0',
    ...(hasFallback ? ['set fallback=1'] : []),
    // Variables of an earlier configuration would look like those of the file.
    ...[counter, success, next, trial].map((name) => `unset ${name}`),
    `if [ -s ${environment} ]; then`,
    `  load_env -f ${environment} ${counter} ${success} ${next} ${trial}`,
    'fi',
    `if [ -n "\${${next}}" ]; then`,
    `  set bootc_sdk_once="\${${next}}"`,
    `  set ${next}=`,
    `  if save_env -f ${environment} ${next}; then`,
    '    set default="${bootc_sdk_once}"',
    '  fi',
  ]
  if (hasFallback) {
    lines.push(
      `elif [ -n "\${${counter}}" -a "\${${success}}" = "0" ]; then`,
      `  if [ -z "\${${trial}}" -o "\${${trial}}" = ${quoteWord(trialId)} ]; then`,
      `    if [ "\${${counter}}" = "0" -o "\${${counter}}" = "-1" ]; then`,
      '      set default=1',
      '      set fallback=0',
      `      set ${counter}=-1`,
      ...transitions(counter).map((line) => `    ${line}`),
      '    fi',
      `    save_env -f ${environment} ${counter}`,
      // A configuration that goes on behind this one would count once more.
      `    unset ${counter}`,
      '  fi',
    )
  }
  lines.push('fi')
  return `${lines.join('\n')}\n`
}

function transitions(counter: string): string[] {
  const steps: string[] = []
  for (let left = 1; left <= maxTries; left++) {
    steps.push(`elif [ "\${${counter}}" = "${left}" ]; then`, `  set ${counter}=${left - 1}`)
  }
  // Whatever somebody else wrote there comes to an end.
  return [...steps, 'else', `  set ${counter}=${maxTries}`]
}
