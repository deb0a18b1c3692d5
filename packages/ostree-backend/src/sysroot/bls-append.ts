import type { BootSpec } from '@bootc-sdk/core'

/**
 * Keys that all entries but the default get (`sysroot.bls-append-except-default`), such as `grub_users=""`.
 *
 * @param setting `key=value;key=value`
 * @see ostree 2026.4 src/libostree/ostree-sysroot-deploy.c, install_deployment_kernel
 */
export function appendExceptDefault(specs: readonly BootSpec[], setting: string | undefined): BootSpec[] {
  const keys = (setting ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => /^[a-zA-Z][^=\s]*=[^\r\n]*$/.test(pair))
    .map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)] as const)
  if (keys.length === 0) return [...specs]
  return specs.map((spec, index) =>
    index === 0 ? spec : { ...spec, extra: [...(spec.extra ?? []), ...keys] },
  )
}
