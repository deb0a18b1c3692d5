import { copyFileSync, existsSync } from 'node:fs'

const firmware = '/usr/share/OVMF'

export interface QemuMachine {
  /** Default uefi. */
  readonly firmware?: 'uefi' | 'bios'
  /** Disk images, qcow2 by their ending, else raw; the machine boots from the first one. */
  readonly disks: readonly string[]
  /**
   * Default unsafe: flushes of the guest are not waited for. `writeback` hands them on, as is wanted where the
   * machine is killed.
   */
  readonly cache?: 'unsafe' | 'writeback'
  /** The firmware's variables, kept from boot to boot; made when missing. Only for uefi. */
  readonly vars: string
  /** Serial console. */
  readonly console: string
  /** Unix sockets that QEMU listens on: for the guest's agent, and for its own monitor (QMP). */
  readonly agent: string
  readonly monitor: string
  /** Go on from a state that was saved with the same hardware. */
  readonly state?: string
}

export function qemuArguments(machine: QemuMachine): string[] {
  const { disks, cache = 'unsafe', vars, state } = machine
  const isUefi = (machine.firmware ?? 'uefi') === 'uefi'
  if (isUefi && !existsSync(vars)) copyFileSync(`${firmware}/OVMF_VARS_4M.fd`, vars)
  return [
    ...['-machine', 'q35,sata=off', '-accel', process.env['QEMU_ACCEL'] ?? 'tcg,thread=multi'],
    // Without what TCG cannot do or does slowly. One processor: OVMF may wait for a second one for ever where the host is busy.
    ...['-cpu', 'max,-cx16,-la57,-svm', '-smp', '1', '-m', '1536'],
    ...['-nodefaults', '-no-user-config', '-display', 'none'],
    ...['-qmp', `unix:${machine.monitor},server=on,wait=off`],
    ...['-serial', `file:${machine.console}`],
    ...['-object', 'rng-random,filename=/dev/urandom,id=rng', '-device', 'virtio-rng-pci,rng=rng'],
    ...['-device', 'virtio-serial-pci', '-chardev', `socket,id=e2e,path=${machine.agent},server=on,wait=off`],
    ...['-device', 'virtserialport,chardev=e2e,name=e2e'],
    // The host is 10.0.2.2, its loopback included.
    ...['-netdev', 'user,id=n0', '-device', 'virtio-net-pci,netdev=n0,romfile='],
    ...(isUefi
      ? [
          ...['-drive', `if=pflash,format=raw,unit=0,readonly=on,file=${firmware}/OVMF_CODE_4M.fd`],
          ...['-drive', `if=pflash,format=raw,unit=1,file=${vars}`],
        ]
      : []),
    ...disks.flatMap((disk, n) => [
      ...[
        '-drive',
        `file=${disk},if=none,id=d${n},format=${disk.endsWith('.qcow2') ? 'qcow2' : 'raw'},cache=${cache},discard=unmap`,
      ],
      ...['-device', `virtio-blk-pci,drive=d${n},bootindex=${n + 1}`],
    ]),
    ...(state === undefined ? [] : ['-incoming', `exec:cat ${state}`]),
  ]
}
