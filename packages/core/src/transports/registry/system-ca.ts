import { readFile } from 'node:fs/promises'
import { rootCertificates } from 'node:tls'

/** Bundles of Debian, Fedora, openSUSE and Alpine. */
const bundles: readonly string[] = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
]

let loading: Promise<readonly string[]> | undefined

/**
 * The CA certificates that this system trusts, PEM. Node by itself knows only those it was built with; an
 * organisation's own CA is in the system's bundle. `SSL_CERT_FILE` names another bundle, as for OpenSSL and Go.
 */
export function systemCertificates(): Promise<readonly string[]> {
  return (loading ??= load())
}

async function load(): Promise<readonly string[]> {
  const named = process.env.SSL_CERT_FILE
  for (const path of named ? [named] : bundles) {
    const text = await readFile(path, 'utf8').catch(() => undefined)
    if (text?.includes('-----BEGIN CERTIFICATE-----')) return [text]
  }
  return rootCertificates
}
