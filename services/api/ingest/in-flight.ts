/** Work that has to end before what it works with is let go of. */
export interface UnderWay {
  track<T>(work: Promise<T>): Promise<T>
  /** Waits until nothing is under way. */
  ended(): Promise<void>
}

/** A request whose client is gone is over for the server, and its upload has parts to take back still. */
export function createUnderWay(): UnderWay {
  const open = new Set<Promise<unknown>>()
  return {
    track(work) {
      open.add(work)
      const forget = () => open.delete(work)
      work.then(forget, forget)
      return work
    },
    async ended() {
      while (open.size > 0) await Promise.allSettled(open)
    },
  }
}
