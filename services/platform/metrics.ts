/**
 * The metrics that processes write to their log for CloudWatch, and that `infra/` watches and scales by. Defined once, so that no
 * alarm waits for a metric that nobody tells. Each has the dimension `Application`.
 */
export const metrics = {
  /** Told by whoever processes records, with every dead letter. */
  DeadLetters: { unit: 'Count' },
  /** Told by whoever relays: how long the oldest event has waited that could not be published. 0 where none waits. */
  OutboxAge: { unit: 'Seconds' },
  /** These are a worker's, every minute. Until all that waits in its slowest shard is done: a day at most. */
  TimeToDrain: { unit: 'Seconds' },
  /** Of its shard that is furthest behind. */
  BehindLatest: { unit: 'Seconds' },
  /** Fetched and not done. */
  RecordsPending: { unit: 'Count' },
  LeasesHeld: { unit: 'Count' },
  /** That have not moved for `STUCK_AFTER_MS` although something waits. */
  StuckShards: { unit: 'Count' },
} as const satisfies Record<string, { unit: 'Count' | 'Seconds' }>

export type MetricName = keyof typeof metrics

/** What is not known is left out, or undefined. */
export type MetricValues = { readonly [name in MetricName]?: number | undefined }
