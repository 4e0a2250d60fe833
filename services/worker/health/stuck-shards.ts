import type { KinesisConsumer, ShardStatus } from '../../consumer/index.ts'

/** A shard of this worker that does not move although it should. */
export interface StuckShard {
  shardId: string
  why: 'records wait and none is done' | 'the stream is not read'
  /** Milliseconds for which it has been so. */
  stalledMs: number
  /** Nothing has come to an end on it for very long, well or badly: a handler that hangs, which only a restart mends. */
  isHung: boolean
  /** The last thing that failed on it. */
  lastError?: string
}

export interface StuckShards {
  /** Looks at the shards now, and again and again until `stop`. */
  start(): void
  stop(): void
  /** The shards that have not moved for longer than the bound, as of now. */
  find(): StuckShard[]
  /** Milliseconds for which a shard has not moved although something waits; 0 where nothing does. */
  stalledMs(shardId: string): number
}

export interface StuckShardsSettings {
  consumer: Pick<KinesisConsumer, 'snapshot' | 'events' | 'metrics'>
  /** How long a shard may stand still, in milliseconds. */
  boundMs: number
  /** Monotonic milliseconds. */
  now?: () => number
}

/**
 * How many bounds a shard may be without any sign of life before its worker is beyond help. Far more than one: a restart begins
 * an upload that takes long anew, and an orchestrator that restarts too early would never let it come to its end.
 */
export const HUNG_AFTER_BOUNDS = 12

const MAX_ERROR = 200

interface Watched {
  checkpoint: string
  pending: number
  fetchAgeMs: number | undefined
  /** When it came into this worker's hands. */
  heldSince: number
  /** Since when it has stood still. */
  since: number
  /** When something last came to an end on it. */
  signAt: number
  lastError: string | undefined
}

/**
 * Tells a shard that rests from one that is stuck: its checkpoint stays where it is while records wait for it, or Kinesis has not
 * been heard of for as long. Whatever makes it so, an operator should hear of it. Whether a restart mends it is another
 * question: it does not where tries fail or a dependency is down, and it would begin everything behind the checkpoint anew.
 */
export function createStuckShards({
  consumer,
  boundMs,
  now = () => performance.now(),
}: StuckShardsSettings): StuckShards {
  let watched = new Map<string, Watched>()
  let timer: NodeJS.Timeout | undefined

  function sample(): void {
    const at = now()
    watched = new Map(consumer.snapshot().map(shard => [shard.shardId, observe(watched.get(shard.shardId), shard, at)]))
  }

  function recordActivity(shardId: string | undefined, error?: unknown): void {
    const shard = shardId === undefined ? undefined : watched.get(shardId)
    if (!shard) return
    shard.signAt = now()
    shard.lastError = error === undefined ? undefined : textOf(error)
  }

  function stalledFor({ pending, fetchAgeMs, heldSince, since }: Watched): number {
    return pending > 0 ? now() - since : (fetchAgeMs ?? now() - heldSince)
  }

  const { events } = consumer
  events.on('recordHandled', ({ shardId }) => recordActivity(shardId))
  events.on('recordFailed', ({ shardId, error }) => recordActivity(shardId, error))
  events.on('fault', ({ shardId, error }) => recordActivity(shardId, error))

  return {
    start() {
      sample()
      timer ??= setInterval(sample, Math.min(15_000, Math.max(1_000, boundMs / 20))).unref()
    },
    stop() {
      clearInterval(timer)
    },
    find() {
      sample()
      // Held back on purpose: a try is made now and then, and all goes on once one goes well.
      const isHeldBack = consumer.metrics().breaker.state !== 'closed'
      return [...watched].flatMap(([shardId, shard]): StuckShard[] => {
        const stalledMs = stalledFor(shard)
        if (stalledMs < boundMs) return []
        const hungMs = HUNG_AFTER_BOUNDS * boundMs
        return [
          {
            shardId,
            why: shard.pending > 0 ? 'records wait and none is done' : 'the stream is not read',
            stalledMs: Math.round(stalledMs),
            isHung: !isHeldBack && stalledMs >= hungMs && now() - shard.signAt >= hungMs,
            ...(shard.lastError !== undefined && { lastError: shard.lastError }),
          },
        ]
      })
    },
    stalledMs(shardId) {
      const shard = watched.get(shardId)
      return shard && shard.pending > 0 ? now() - shard.since : 0
    },
  }
}

function observe(before: Watched | undefined, { checkpoint, pending, fetchAgeMs }: ShardStatus, at: number): Watched {
  const moves = !before || before.checkpoint !== checkpoint || before.pending === 0
  return {
    ...{ checkpoint, pending, fetchAgeMs },
    heldSince: before?.heldSince ?? at,
    since: moves ? at : before.since,
    signAt: before?.signAt ?? at,
    lastError: before?.lastError,
  }
}

function textOf(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  return text.slice(0, MAX_ERROR).toWellFormed()
}
