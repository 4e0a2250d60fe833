/**
 * The CloudWatch metrics that processes emit through their log, and that alarms and scaling policies of `infra/` use. They are defined
 * once, so that no alarm watches a metric that no process emits. Each has the dimension `Application`, and those of notifications have
 * `Destination`, too.
 */
export const metrics = {
  /** Emitted with every dead letter by the process that writes it. */
  DeadLetters: { unit: 'Count' },
  /** Emitted with every upload that is quarantined. */
  UploadsQuarantined: { unit: 'Count' },
  /** Scans without a verdict. Emitted once a minute, or at the end of an invocation, if there were some. */
  ScanFailures: { unit: 'Count' },
  /** Emitted by each relay of scans: the age of the oldest upload that waits for the verdict of GuardDuty. 0 if none waits. */
  ScanAge: { unit: 'Seconds' },
  /** Emitted by the outbox relay: the age of the oldest event that could not be published. 0 if no event waits. */
  OutboxAge: { unit: 'Seconds' },
  /**
   * Emitted by each relay of notifications: for how long the notification that waits longest has been due. 0 if none waits. A retry that
   * is not due yet does not count.
   */
  NotificationAge: { unit: 'Seconds' },
  // Emitted once a minute, or at the end of an invocation, for each destination.
  /** Notifications that the destination accepted. */
  NotificationsSent: { unit: 'Count' },
  /** Attempts that the destination did not accept. */
  NotificationsFailed: { unit: 'Count' },
  /** Notifications that were given up. */
  NotificationDeadLetters: { unit: 'Count' },
  // Each worker emits the following metrics every minute.
  /** Time until the worker's slowest shard has no backlog. One day at most. */
  TimeToDrain: { unit: 'Seconds' },
  /** The lag of the worker's shard that is furthest behind. */
  BehindLatest: { unit: 'Seconds' },
  /** Records that were fetched and are not processed yet. */
  RecordsPending: { unit: 'Count' },
  LeasesHeld: { unit: 'Count' },
  /** 1 while the worker is paused. */
  Paused: { unit: 'Count' },
  /** Shards without progress for `STUCK_AFTER_MS` although records wait. */
  StuckShards: { unit: 'Count' },
} as const satisfies Record<string, { unit: 'Count' | 'Seconds' }>

export type MetricName = keyof typeof metrics

/** Values by metric. An unknown value is undefined. */
export type MetricValues = { readonly [name in MetricName]?: number | undefined }
