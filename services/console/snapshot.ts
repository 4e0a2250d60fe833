import type { Trail } from '../uploads/records/trail.ts'
import type { Undelivered } from '../worker/notifications/undelivered.ts'
import type { DestinationView } from './notification-views.ts'

/** The data that the server sends to the page. The page imports only these types. Times are epoch milliseconds. */

/** How a shard is read, according to the lease table. */
export interface LeaseView {
  owner: string | null
  /** The worker that has requested the lease from its owner. */
  requestedBy: string | null
  /** A sequence number, or a sentinel such as TRIM_HORIZON. */
  checkpoint: string
  subSequenceNumber: number
  /** When the console last saw the counter grow. Null until then. */
  renewedAt: number | null
  /** When the console last saw the checkpoint move. Null until then. */
  progressedAt: number | null
  ownerSwitches: number
}

/** How far a shard is behind, according to the stream. */
export interface LagView {
  /** Arrival time of the record at the checkpoint. */
  doneUpTo: number | null
  /** Arrival time of the oldest record after the checkpoint. Null: none waits. */
  oldestWaiting: number | null
  /** The checkpoint is older than the oldest record of the shard, so records were lost. */
  isTrimmed: boolean
  measuredAt: number
}

/** What arrives on a shard, measured by a sample of the newest records. */
export interface ArrivalView {
  recordsPerSecond: number
  bytesPerSecond: number
  measuredAt: number
}

export interface ShardView {
  id: string
  parents: readonly string[]
  /** False for a shard that the lease table has and the stream no longer lists. */
  isListed: boolean
  isClosed: boolean
  /** The application has no more records to read from the shard. */
  isFinished: boolean
  /** Decimal digits. Null if unknown. */
  firstHashKey: string | null
  lastHashKey: string | null
  lease: LeaseView | null
  lag: LagView | null
  arrivals: ArrivalView | null
}

export interface WorkerView {
  id: string
  /** `unknown` until the console has watched for a failover time, or has seen a renewal. */
  state: 'alive' | 'silent' | 'unknown'
  shards: readonly string[]
  renewedAt: number | null
  /** Renewals and checkpoints of all leases of the worker that the console has seen in the last minute. */
  writesPerMinute: number
  /** Null: no page of metrics names the worker, or it does not say its maximum. */
  memory: MemoryView | null
}

/** The records that a worker has in memory. */
export interface MemoryView {
  usedBytes: number
  /** The worker fetches no more records until there is room. */
  maxBytes: number
}

/** A pause that applies now. */
export interface PauseView {
  /** Null: the whole application is paused. */
  workerId: string | null
  by: string
  reason: string
  at: number
}

/** A change of the owner of a lease. */
export interface LeaseMove {
  at: number
  shardId: string
  from: string | null
  to: string | null
  how: 'created' | 'taken' | 'taken over' | 'released' | 'ended' | 'rewound' | 'deleted'
}

/** Something that is wrong now, in words. */
export interface Finding {
  /** Stable while the same thing is wrong. */
  id: string
  severity: 'critical' | 'warning' | 'info'
  title: string
  text: string
  /** The page about it in the documentation. */
  link?: { text: string; url: string }
  /** The shard to look at. */
  shardId?: string
  /** The view of the page where something can be done about it. */
  view?: { name: 'dead-letters' | 'workers'; text: string }
}

/** What the pages /metrics of the api and of the workers say together. A value is null if no page has it. */
export interface ThroughputView {
  acceptedPerSecond: number | null
  /** Without those that failed. */
  processedPerSecond: number | null
  failedPerSecond: number | null
  /** Time from the acceptance of an upload to its end, of the uploads that ended in the last minute. */
  latencyP50Ms: number | null
  latencyP99Ms: number | null
  timeToDrainMs: number | null
  /** More arrives on a shard than its worker processes, so that the time to drain is infinite. */
  isFallingBehind: boolean
  /** The age of the oldest event that could not be published. */
  outboxAgeMs: number | null
  /** How many workers hold back all records, because a dependency fails. */
  openBreakers: number | null
  /** Kinesis takes no events from the api. */
  isEventOutage: boolean | null
  /** How many pages respond. */
  pages: number
  /** The pages that do not respond. */
  silentPages: readonly string[]
}

/** How long it takes until nothing waits. */
export interface DrainView {
  /** Null: unknown, or the application falls behind. */
  ms: number | null
  isFallingBehind: boolean
  /** Estimated from how the lag of the last minute changed. Otherwise the workers say it. */
  isEstimated: boolean
}

/** One point of the charts. */
export interface HistoryPoint {
  at: number
  maxLagMs: number | null
  recordsPerSecond: number | null
  bytesPerSecond: number | null
  leasesHeld: number
  acceptedPerSecond: number | null
  processedPerSecond: number | null
  failedPerSecond: number | null
  latencyP50Ms: number | null
  latencyP99Ms: number | null
}

/** What only operators see of an upload. */
export interface TrailView {
  /** How the upload was processed, or with `error` an attempt that is retried. Null before, and for uploads of an older worker. */
  trail: Trail | null
  /** The trace of the request, and of the work on the upload. */
  traceId: string | null
  /** When an operator last put the event of the upload on the stream again. */
  redrivenAt: number | null
  /** The notifications that the upload owes. One that was delivered is not recorded, and one that was given up is a dead letter. */
  notifications: readonly Undelivered[]
  /** Why the record could not be read. */
  failure?: Failure
}

/** A check of the doctor with its result. */
export interface DoctorResult {
  id: string
  /** What is true if the check is ok. */
  title: string
  status: 'ok' | 'failed' | 'skipped'
  seen: string
  advice?: string
}

/** Everything about the stream and its application except the shards. */
export interface Summary {
  at: number
  /** When the console began to watch. */
  watchingSince: number
  workers: readonly WorkerView[]
  /** The pause of the application comes first. */
  pauses: readonly PauseView[]
  findings: readonly Finding[]
  /** False until the lease table and the stream have been read once. */
  isReady: boolean
  /** How old the oldest lag measurement can be with this number of shards, in milliseconds. */
  lagIntervalMs: number
  /** Null: the console was given no pages of metrics. */
  throughput: ThroughputView | null
  /** Null: the console was given no pages of metrics. */
  destinations: readonly DestinationView[] | null
  drain: DrainView
  /** False while no read of the lease table has succeeded: who owns which shard is unknown. */
  hasLeases: boolean
  /** False while no list of the shards has succeeded. */
  hasShards: boolean
  /** Dead letters that were not redriven. Null: the console does not know where they are. A count of null: they cannot be read. */
  deadLetters: { count: number | null; isMore: boolean } | null
}

/** One event of the stream of the page. Shards that did not change are omitted, except from the first event. */
export interface LiveEvent {
  summary: Summary
  shards: readonly ShardView[]
  /** Ids of shards that no longer exist. */
  gone: readonly string[]
  /** All moves in the first event, and then the new ones. The newest is the first. */
  moves: readonly LeaseMove[]
  /** All points in the first event, and then the new ones. The newest is the last. */
  history: readonly HistoryPoint[]
}

/** What the page needs to know once. */
export interface About {
  streamName: string
  applicationName: string
  region: string
  failoverMs: number
  version: string
  allowChanges: boolean
  /** The views of uploads need an api and a profile. */
  uploads: { apiUrl: string; user: string | null } | null
  /** The views of dead letters need the bucket of the worker. */
  deadLetters: { bucket: string } | null
  /** The view of notifications needs the bucket of the worker and the table of uploads. */
  notifications: { bucket: string; table: string } | null
  /** The doctor needs the configuration of the deployment. */
  hasDoctor: boolean
}

/** One record, as the page shows it. */
export interface RecordView {
  sequenceNumber: string
  subSequenceNumber: number
  /** Null: the producer set none. */
  partitionKey: string | null
  arrivedAt: number
  bytes: number
  /** The beginning of the data in Base64. */
  data: string
  isCut: boolean
}

/** One line of the response with records. */
export type RecordsLine =
  | { type: 'record'; record: RecordView }
  /** All records before now have been read. With `isEnd`, the shard is closed and read to its end. */
  | { type: 'position'; behindMs: number; scanned: number; isEnd: boolean }
  /** The limit is reached. Continue after the last record. */
  | { type: 'more' }
  | { type: 'failure'; failure: Failure }

/** A failed request, in words. */
export interface Failure {
  title: string
  advice: string
}

/** What a replay would do to a shard, or has done. */
export interface ReplayView {
  shardId: string
  change: 'move' | 'create' | 'none'
  why: string | null
  /** When the first record that would be processed again arrived. */
  firstArrivedAt: number | null
  checkpoint: string | null
  /** The owner of the lease is alive. If the shard moves, the owner loses the lease. */
  isHeld: boolean
  /** Null if it is unknown, or if the shard does not move. */
  estimate: { records: number; minRecords: number; maxRecords: number; minDurationMs: number } | null
}
