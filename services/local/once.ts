/** A function that acts at its first call and gives the same outcome at every other. */
export function once<T>(act: () => Promise<T>): () => Promise<T> {
  let acting: Promise<T> | undefined
  return () => {
    acting ??= act()
    return acting
  }
}
