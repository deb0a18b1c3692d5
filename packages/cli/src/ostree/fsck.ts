export function fsck(): Promise<void> {
  return Promise.reject(new Error('not yet'))
}
