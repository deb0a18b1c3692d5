/** How to log in: a user with a password, or an identity token that the token server exchanges. */
export type Credentials =
  | { readonly username: string; readonly password: string }
  | { readonly identityToken: string; readonly username?: string }

/**
 * Looks credentials up for one repository; undefined means anonymous.
 *
 * @param request `registry` as references have it (`docker.io`, `quay.io`, `127.0.0.1:5000`)
 */
export type CredentialSource = (request: {
  readonly registry: string
  readonly repository: string
}) => Credentials | undefined | Promise<Credentials | undefined>

/** `Authorization` of the basic scheme. */
export function basicAuthorization(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}
