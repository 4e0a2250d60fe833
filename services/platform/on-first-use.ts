export interface OnFirstUse<T> {
  /** All who ask before it is there wait for the same. What failed is tried again by the next who asks. */
  (): Promise<T>
  /** The same, but only where somebody has asked. */
  ifUsed(): Promise<T> | undefined
}

/** Something that is loaded or made once, for whoever asks first. */
export function onFirstUse<T>(make: () => Promise<T>): OnFirstUse<T> {
  let made: Promise<T> | undefined
  const get = () => {
    made ??= make().catch((error: unknown) => {
      made = undefined
      throw error
    })
    return made
  }
  return Object.assign(get, { ifUsed: () => made })
}
