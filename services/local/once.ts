/** Wraps a function so that it runs once. Every call returns the promise of the first call. */
export function once<T>(act: () => Promise<T>): () => Promise<T> {
  let acting: Promise<T> | undefined
  return () => {
    acting ??= act()
    return acting
  }
}
