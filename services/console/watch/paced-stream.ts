import type { Clock } from '../../consumer/clock.ts'
import type { StreamReader } from '../../consumer/stream.ts'

/** Kinesis allows 5 GetRecords a second per shard. The console uses one, and leaves the others to the workers. */
const SHARD_INTERVAL_MS = 1_000

/** With many shards, all their calls together are limited. */
const MAX_CALLS_PER_SECOND = 10

/**
 * Wraps a stream so that each shard is read at most once a second, and all shards together at most ten times a second. Calls for
 * positions are not limited, because every read makes one at most.
 */
export function paceReads(stream: StreamReader, clock: Clock): StreamReader {
  const freeAt = new Map<string, number>()
  const queues = new Map<string, Promise<void>>()
  let anyFreeAt = 0

  async function sleepUntil(time: number, signal: AbortSignal | undefined): Promise<void> {
    if (time > clock.now()) await clock.sleep(time - clock.now(), signal)
  }

  /** First waits for the shard and only then for all shards, so that a shard with two readers does not hold up the others. */
  async function takeTurn(shardId: string, before: Promise<void> | undefined, signal?: AbortSignal): Promise<void> {
    await before
    await sleepUntil(freeAt.get(shardId) ?? 0, signal)
    const turn = Math.max(clock.now(), anyFreeAt)
    anyFreeAt = turn + 1_000 / MAX_CALLS_PER_SECOND
    await sleepUntil(turn, signal)
    freeAt.set(shardId, clock.now() + SHARD_INTERVAL_MS)
  }

  return {
    isActive: signal => stream.isActive(signal),
    listShards: () => stream.listShards(),
    getIterator: (...call) => stream.getIterator(...call),
    async getRecords(shardId, iterator, limit, options) {
      const turn = takeTurn(shardId, queues.get(shardId), options?.signal)
      queues.set(shardId, turn)
      await turn
      options?.signal?.throwIfAborted()
      return await stream.getRecords(shardId, iterator, limit, options)
    },
  }
}
