export interface LaneSettings<T> {
  /** Items under way at once. */
  concurrency: number
  /** Items of one lane are done one after the other. Left out, each has its own. */
  laneOf?: (item: T) => string
}

/**
 * Does something with each item, and gives the results in the order of the items.
 *
 * @param work one that rejects ends it all, once the results before it are given
 */
export async function* inLanes<T, R>(
  items: AsyncIterable<T>,
  { concurrency: atOnce, laneOf }: LaneSettings<T>,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const inFlight: Promise<R>[] = []
  const lanes = new Map<string, Promise<unknown>>()

  async function behind(before: Promise<unknown> | undefined, item: T): Promise<R> {
    await before
    return await work(item)
  }

  function start(item: T): Promise<R> {
    if (!laneOf) return work(item)
    const lane = laneOf(item)
    const result = behind(lanes.get(lane), item)
    const forget = () => {
      if (lanes.get(lane) === result) lanes.delete(lane)
    }
    lanes.set(lane, result)
    result.then(forget, forget)
    return result
  }

  for await (const item of items) {
    const result = start(item)
    // Whoever takes the results is told of it in its turn; until then it is nobody's unhandled rejection.
    result.catch(() => undefined)
    inFlight.push(result)
    const first = inFlight.length >= atOnce ? inFlight.shift() : undefined
    if (first) yield await first
  }
  for (const result of inFlight) yield await result
}
