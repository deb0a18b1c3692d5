export function diff(): Promise<void> {
  return Promise.reject(new Error('not yet'))
}
