export function pull(): Promise<void> {
  return Promise.reject(new Error('not yet'))
}
export const pullLocal = pull
