let loaded: Promise<typeof import('sharp').default> | undefined

/** Loads sharp with the first image: most workers never see one. One image at a time needs one thread, and no cache. */
export function loadSharp(): Promise<typeof import('sharp').default> {
  loaded ??= import('sharp').then(({ default: sharp }) => {
    sharp.cache(false)
    sharp.concurrency(1)
    return sharp
  })
  return loaded
}
