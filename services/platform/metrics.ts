/**
 * The metrics that processes write to their log for CloudWatch, and that `infra/` watches and scales by. Defined once, so that no
 * alarm waits for a metric that nobody tells. Each has the dimension `role`.
 */
export const metrics = {
  /** Told by whoever processes records, with every dead letter. */
  DeadLetters: { unit: 'Count' },
  /** Told by whoever relays, with the age of the oldest event that waits for Kinesis; 0 where none does. */
  OutboxAge: { unit: 'Seconds' },
  /** Told by a worker: until all that waits in its slowest shard is done. A day at most. */
  TimeToDrain: { unit: 'Seconds' },
  /** Told by a worker: shards with records under way and the same checkpoint for a quarter of an hour. */
  StuckShards: { unit: 'Count' },
} as const satisfies Record<string, { unit: 'Count' | 'Seconds' }>

export type MetricName = keyof typeof metrics

export type MetricValues = Partial<Readonly<Record<MetricName, number>>>
