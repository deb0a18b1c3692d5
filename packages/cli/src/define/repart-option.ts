import { Option } from 'commander'

/** `--repart`: the layout of the disk as for systemd-repart. */
export function repartOption(): Option {
  return new Option(
    '--repart <dir>',
    'Partitions as the definitions for systemd-repart in this directory say (repart.d)',
  ).conflicts(['partition', 'rootSize', 'filesystem', 'espSize', 'xbootldr', 'xbootldrSize'])
}
