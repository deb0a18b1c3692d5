/** Nothing comes up; the message says why. */
export class BootFailure extends Error {
  override readonly name = 'BootFailure'
}
