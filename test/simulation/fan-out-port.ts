import type { StreamReader } from '../../services/consumer/stream.ts'
import { abortError, serviceError } from './network.ts'
import type { ReadWatch } from './ports.ts'
import type { Feed, Pushed } from './subscriptions.ts'
import type { WorkerProcess } from './worker-process.ts'
import type { World } from './world.ts'

/** Maximum time after which a half-open subscription becomes silent. */
const FALLS_SILENT_MS = 3_000

type Subscribe = NonNullable<StreamReader['subscribe']>

/** Enhanced fan-out as seen by a worker process. */
export function subscribeOf(process: WorkerProcess, world: World, watch: ReadWatch, timeoutMs: number): Subscribe {
  const { network, subscriptions, weather, time } = world
  return async function* subscribe(shardId, position, signal) {
    watch.subscribes?.(shardId)
    watch.acts?.(`subscribes to ${shardId}`)
    const effect = () => {
      weather.check(position)
      return subscriptions.open(shardId, position)
    }
    const feed = await network.call(process, 'kinesis', { timeoutMs, signal, effect })
    signal.addEventListener('abort', () => feed.end('end'), { once: true })
    const silentFrom = weather.strikes('halfOpen') ? time.now + process.random.between(0, FALLS_SILENT_MS) : undefined
    for (;;) {
      watch.fetchStarts(shardId)()
      const pushed = await nextOf(feed, { process, world, signal, silentFrom })
      if (pushed === 'end') return
      if (pushed instanceof Error) throw pushed
      watch.acts?.(`receives an event of ${shardId}`)
      watch.received(shardId, pushed)
      yield pushed
    }
  }
}

interface Connection {
  process: WorkerProcess
  world: World
  signal: AbortSignal
  /** Time from which no event arrives, although the subscription stays open. */
  silentFrom: number | undefined
}

function nextOf(feed: Feed, { process, world, signal, silentFrom = Number.POSITIVE_INFINITY }: Connection) {
  const { time, weather, scenario } = world
  return new Promise<Pushed>((resolve, reject) => {
    const onAbort = () => reject(abortError())
    if (signal.aborted) return onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    const look = () => {
      if (signal.aborted || time.now >= silentFrom) return
      const pushed = feed.take(scenario.recordsPerFetch)
      if (pushed === undefined) return feed.onceReady(look)
      const arrives = spoiled(pushed, feed, world)
      process.deliver(time.now + weather.latency(process), () => {
        signal.removeEventListener('abort', onAbort)
        resolve(arrives)
      })
    }
    look()
  })
}

/** An event with a fault: cut off, ended early, or the end of a shard without children. */
function spoiled(pushed: Pushed, feed: Feed, { weather }: World): Pushed {
  if (pushed === 'end' || pushed instanceof Error) return pushed
  if (weather.strikes('cut')) {
    const error = serviceError('NetworkingError', 'socket hang up')
    feed.end(error)
    return error
  }
  if (weather.strikes('earlyEnd')) feed.end('end')
  if (weather.strikes('childless')) return { ...pushed, continuation: undefined, childShards: [] }
  return pushed
}
