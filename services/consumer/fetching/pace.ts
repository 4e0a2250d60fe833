/** Kinesis allows 5 GetRecords a second and shard, and counts every application that polls. */
const MIN_INTERVAL_MS = 200

/** Kinesis gives 2 MiB a second and shard; a reply of more is charged to the seconds that follow. */
const BYTES_PER_MS = (2 * 1024 ** 2) / 1_000

export interface PaceSettings {
  /** Milliseconds between two polls of a shard that has nothing new. */
  readonly idleIntervalMs: number
}

/** How long after the start of one fetch the next may start, in milliseconds. */
export function nextFetchDelay(reply: { bytes: number; millisBehindLatest: number }, pace: PaceSettings): number {
  const minDelay = Math.max(MIN_INTERVAL_MS, reply.bytes / BYTES_PER_MS)
  const caughtUp = reply.bytes === 0 && reply.millisBehindLatest === 0
  return caughtUp ? Math.max(minDelay, pace.idleIntervalMs) : minDelay
}
