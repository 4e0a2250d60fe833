export interface OnFirstUse<T> {
  /** Returns the value. Concurrent callers share one call of `make`. After a failure, the next call retries. */
  (): Promise<T>
  /** Returns the value if it was requested before, and undefined otherwise. */
  ifUsed(): Promise<T> | undefined
}

/** Returns a function that loads or makes a value on its first call, and returns the same value from then on. */
export function onFirstUse<T>(make: () => Promise<T>): OnFirstUse<T> {
  let value: Promise<T> | undefined
  const get = () => {
    value ??= make().catch((error: unknown) => {
      value = undefined
      throw error
    })
    return value
  }
  return Object.assign(get, { ifUsed: () => value })
}
