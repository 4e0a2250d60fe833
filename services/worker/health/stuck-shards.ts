import type { KinesisConsumer, ShardStatus } from '../../consumer/index.ts'

/** A shard of this worker that makes no progress although it should. */
export interface StuckShard {
  shardId: string
  why: 'records wait and none is done' | 'the stream is not read'
  /** Milliseconds without progress. */
  stalledMs: number
  /** True if no attempt has succeeded or failed for very long: a handler hangs, and only a restart helps. */
  isHung: boolean
  /** The last error of the shard. */
  lastError?: string
}

export interface StuckShards {
  /** Observes the shards now and then at an interval, until `stop`. */
  start(): void
  stop(): void
  /** Returns the shards that have made no progress for longer than the bound. */
  find(): StuckShard[]
  /** Returns the milliseconds for which records of a shard have waited without progress. 0 if no record waits. */
  stalledMs(shardId: string): number
}

export interface StuckShardsSettings {
  consumer: Pick<KinesisConsumer, 'snapshot' | 'events' | 'metrics'>
  /** Maximum time without progress, in milliseconds. */
  boundMs: number
  /** Monotonic milliseconds. */
  now?: () => number
}

/**
 * How many bounds a shard may show no activity before the worker should be restarted. A restart starts a long upload again. An
 * orchestrator that restarts too early would never let such an upload finish.
 */
export const HUNG_AFTER_BOUNDS = 12

const MAX_ERROR = 200

interface Watched {
  checkpoint: string
  pending: number
  fetchAgeMs: number | undefined
  /** When this worker was first seen to hold the shard. */
  heldSince: number
  /** The time since which the shard has made no progress. */
  since: number
  /** When an attempt last succeeded or failed. */
  signAt: number
  lastError: string | undefined
}

/**
 * Distinguishes an idle shard from a stuck one. A shard is stuck if its checkpoint does not advance while records wait, or if Kinesis
 * has not answered for as long. An operator should know about both. A restart does not help if attempts fail or a dependency is
 * down, and it would start everything after the checkpoint again.
 */
export function createStuckShards({
  consumer,
  boundMs,
  now = () => performance.now(),
}: StuckShardsSettings): StuckShards {
  let watched = new Map<string, Watched>()
  let timer: NodeJS.Timeout | undefined
  /** When the last pause ended. The time before it does not count. */
  let resumedAt = Number.NEGATIVE_INFINITY

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
    const stalledMs = pending > 0 ? now() - since : (fetchAgeMs ?? now() - heldSince)
    return Math.min(stalledMs, now() - resumedAt)
  }

  const { events } = consumer
  events.on('resumed', () => {
    resumedAt = now()
  })
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
      // A paused worker makes no progress on purpose.
      if (consumer.metrics().paused) return []
      // While the breaker is open, records are held back on purpose. They start again once an attempt succeeds.
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
            isHung: !isHeldBack && stalledMs >= hungMs && now() - Math.max(shard.signAt, resumedAt) >= hungMs,
            ...(shard.lastError !== undefined && { lastError: shard.lastError }),
          },
        ]
      })
    },
    stalledMs(shardId) {
      const shard = watched.get(shardId)
      return shard && shard.pending > 0 && !consumer.metrics().paused ? stalledFor(shard) : 0
    },
  }
}

function observe(before: Watched | undefined, { checkpoint, pending, fetchAgeMs }: ShardStatus, at: number): Watched {
  const moves = !before || before.checkpoint !== checkpoint || before.pending === 0
  return {
    checkpoint,
    pending,
    fetchAgeMs,
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
