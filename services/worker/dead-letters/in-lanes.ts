export interface LaneSettings<T> {
  /** Maximum number of items in flight. */
  concurrency: number
  /** Items of a lane are processed one after another. Omitted: each item has its own lane. */
  laneOf?: (item: T) => string
}

/**
 * Processes items concurrently, and yields the results in the order of the items.
 *
 * @param work if it rejects for an item, the iteration throws that error after the results before it
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
    // The error is thrown when the result is taken. Until then it must not be an unhandled rejection.
    result.catch(() => undefined)
    inFlight.push(result)
    const first = inFlight.length >= atOnce ? inFlight.shift() : undefined
    if (first) yield await first
  }
  for (const result of inFlight) yield await result
}
