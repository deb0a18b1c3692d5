import { quoteWord } from './quote.js'

export const stubMark = '# Boot configuration made by bootc-sdk: shows the menu beside the boot entries.'

export interface Stub {
  /** What tells the boot volume; without either it is searched by what lies on it. */
  readonly uuid?: string | undefined
  readonly label?: string | undefined
  /** Of the boot volume: `/boot/` where it is a directory of the root file system. */
  readonly bootPrefix: '/' | '/boot/'
  /** Directory of the environment and of user.cfg. */
  readonly grubDir: 'grub' | 'grub2'
  readonly timeoutSeconds: number
}

/**
 * Configuration that is written once, at installation: it finds the boot volume and sources what is switched with
 * the entries. In this order: `console.cfg` of the administrator; menu entries of unified kernel images; the generated
 * menu; where another program has changed the entries and left no menu, GRUB's own blscfg, in the way of Fedora or of
 * GRUB 2.14; else it says what is wrong.
 */
export function printStub({ uuid, label, bootPrefix, grubDir, timeoutSeconds }: Stub): string {
  const links = `${bootPrefix}loader/grub.cfg`
  const exchanged = `${bootPrefix}loader/entries/grub.cfg`
  const userCfg = `${bootPrefix}grub2/user.cfg`
  const at = (path: string) => `"(\${root})${path}"`
  const byFile = [links, exchanged, userCfg].map((path) => `search --no-floppy --file --set=root ${path}`)
  const search =
    uuid !== undefined
      ? [`search --no-floppy --fs-uuid --set=root ${quoteWord(uuid)}`]
      : label !== undefined
        ? [`search --no-floppy --label --set=root ${quoteWord(label)}`]
        : [`if ! ${byFile[0]}; then`, `  if ! ${byFile[1]}; then`, `    ${byFile[2]}`, '  fi', 'fi']
  const home = `${bootPrefix}${grubDir}`
  return [
    stubMark,
    ...search,
    `set timeout=${timeoutSeconds}`,
    'set timeout_style=menu',
    `if [ -f ${at(`${home}/console.cfg`)} ]; then`,
    `  source ${at(`${home}/console.cfg`)}`,
    'fi',
    'set bootc_sdk_menu=',
    // user.cfg may hold a password only.
    `if [ -f ${at(userCfg)} ]; then`,
    `  set config_directory="(\${root})${bootPrefix}grub2"`,
    `  source ${at(userCfg)}`,
    'fi',
    `for bootc_sdk_file in ${at(exchanged)} ${at(links)}; do`,
    '  if [ -z "${bootc_sdk_menu}" -a -f "${bootc_sdk_file}" ]; then',
    '    set bootc_sdk_menu="${bootc_sdk_file}"',
    '    source "${bootc_sdk_file}"',
    '  fi',
    'done',
    // Entries of unified kernel images come with this one.
    'if [ -z "${bootc_sdk_menu}" -a -z "${EFI_PART_UUID}" ]; then',
    '  insmod blsuki',
    '  insmod blscfg',
    `  if ! blscfg --path ${bootPrefix}loader/entries; then`,
    `    if ! blscfg ${at(`${bootPrefix}loader/entries`)}; then`,
    `      echo "No menu beside the boot entries in ${bootPrefix}loader, and this GRUB cannot read them."`,
    '      sleep 5',
    '    fi',
    '  fi',
    'fi',
    '',
  ].join('\n')
}
