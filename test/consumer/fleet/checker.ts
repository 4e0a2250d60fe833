import { compareCheckpoints } from '../../../services/consumer/checkpoint.ts'

/** A line of the log of a worker. `at` is the wall clock of the machine, in milliseconds. */
export type FleetEvent =
  | { event: 'acquired' | 'lost'; at: number; worker: string; shardId: string }
  | { event: 'started' | 'handled'; at: number; worker: string; shardId: string; key: string; n: number }

type Work = Extract<FleetEvent, { n: number }>

export interface Evidence {
  /** All records that were put on the stream, by partition key, in order. */
  sent: ReadonlyMap<string, readonly number[]>
  /** The logs of all workers. */
  events: readonly FleetEvent[]
  /** The checkpoints of each shard, in the order in which they were read from the table. */
  checkpoints: ReadonlyMap<string, readonly string[]>
}

/** Returns the violations of the guarantees in the logs, as sentences. */
export function findViolations(evidence: Evidence): string[] {
  return [...lostRecords(evidence), ...brokenOrder(evidence), ...sharedShards(evidence), ...retreats(evidence)]
}

function lostRecords({ sent, events }: Evidence): string[] {
  const handled = new Set(work(events, 'handled').map(({ key, n }) => `${key}:${n}`))
  return [...sent].flatMap(([key, numbers]) =>
    numbers.filter(n => !handled.has(`${key}:${n}`)).map(n => `record ${n} of '${key}' was never handled`),
  )
}

/** A record may start for the first time only after the previous one of its key was handled. */
function brokenOrder({ sent, events }: Evidence): string[] {
  const firstStart = firsts(work(events, 'started'))
  const firstEnd = firsts(work(events, 'handled'))
  return [...sent].flatMap(([key, numbers]) =>
    numbers.slice(1).flatMap((n, i) => {
      const before = firstEnd.get(`${key}:${numbers[i]}`)
      const start = firstStart.get(`${key}:${n}`)
      return before !== undefined && start !== undefined && start < before
        ? [`record ${n} of '${key}' was started ${before - start} ms before the one before it was handled`]
        : []
    }),
  )
}

/** A worker that starts a record must be the last to have acquired its shard. */
function sharedShards({ events }: Evidence): string[] {
  const owner = new Map<string, string>()
  const inOrder = [...events].sort((a, b) => a.at - b.at)
  return inOrder.flatMap(event => {
    if (event.event === 'acquired') owner.set(event.shardId, event.worker)
    // Within one millisecond, the order is unknown.
    if (event.event !== 'started' || owner.get(event.shardId) === event.worker) return []
    const sameMoment = inOrder.some(
      other => other.event === 'acquired' && other.shardId === event.shardId && other.at === event.at,
    )
    return sameMoment
      ? []
      : [`${event.worker} started a record of ${event.shardId}, which ${owner.get(event.shardId)} holds`]
  })
}

function retreats({ checkpoints }: Evidence): string[] {
  const at = (sequenceNumber: string) => ({ sequenceNumber, subSequenceNumber: 0 })
  return [...checkpoints].flatMap(([shardId, seen]) =>
    seen.slice(1).flatMap((next, i) => {
      const before = seen[i]
      return before !== undefined && compareCheckpoints(at(next), at(before)) < 0
        ? [`the checkpoint of ${shardId} went back from ${before} to ${next}`]
        : []
    }),
  )
}

function work(events: readonly FleetEvent[], name: Work['event']): Work[] {
  return events.filter((event): event is Work => event.event === name)
}

function firsts(events: readonly Work[]): Map<string, number> {
  const first = new Map<string, number>()
  for (const { key, n, at } of events) {
    const name = `${key}:${n}`
    first.set(name, Math.min(at, first.get(name) ?? at))
  }
  return first
}
