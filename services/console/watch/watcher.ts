import type { Clock } from '../../consumer/clock.ts'
import { type ApplicationStatus, type ConsumerAdmin, LeaseTableMissingError, type Pause } from '../../consumer/index.ts'
import type { Lease } from '../../consumer/leases/lease.ts'
import type { Shard } from '../../consumer/shards/shard.ts'
import type { StreamReader } from '../../consumer/stream.ts'
import { describeRequestFailure } from '../../platform/failure-kinds.ts'
import type { DeadLetterArchive } from '../../worker/dead-letters/archive.ts'
import { explainFailure, type Target } from '../explain-failure.ts'
import type { Failure, HistoryPoint, LeaseMove, ShardView, Summary } from '../snapshot.ts'
import { drainOf, pointOf } from './chart-points.ts'
import { findingsOf } from './findings.ts'
import { LeaseHistory } from './lease-history.ts'
import { Measurements } from './measurements.ts'
import { MetricsPages } from './metrics-pages.ts'
import { shardViews, toPauseView } from './shard-views.ts'
import { countWaiting } from './waiting-letters.ts'

export interface WatcherSettings {
  streamName: string
  applicationName: string
  failoverMs: number
  admin: Pick<ConsumerAdmin, 'status' | 'lagOf'>
  /** Its reads are paced. */
  stream: StreamReader
  /** Undefined: the console does not know where the dead letters are. */
  deadLetters?: { bucket: string; archive: Pick<DeadLetterArchive, 'list'> } | undefined
  /** The pages /metrics of the api and of the workers. */
  metricsUrls: readonly string[]
  clock: Clock
  /** Epoch milliseconds. */
  wallClock: () => number
}

/** What the watcher has found so far. */
export interface Snapshot {
  summary: Summary
  shards: ReadonlyMap<string, ShardView>
  /** The newest lease moves, the newest first, and how many there were in all. */
  moves: { newest: readonly LeaseMove[]; total: number }
  /** The points of the last hour, the newest last, and how many there were in all. */
  history: { newest: readonly HistoryPoint[]; total: number }
}

const LEASES_INTERVAL_MS = 2_000
const SHARDS_INTERVAL_MS = 30_000
const PUBLISH_INTERVAL_MS = 1_000
const HISTORY_INTERVAL_MS = 5_000
/** An hour. */
const MAX_POINTS = 720
const DEAD_LETTERS_INTERVAL_MS = 15_000
/** Each dead letter that is counted is an object that is read. */
const MAX_COUNTED = 100

/**
 * Watches the stream and the lease table while somebody looks at the page, and rests otherwise. The lease history and the charts are
 * kept in memory, and are lost when the process ends.
 */
export class Watcher {
  readonly #settings: WatcherSettings
  readonly #history: LeaseHistory
  readonly #measured: Measurements
  readonly #metrics: MetricsPages | undefined
  readonly #viewers = new Set<(snapshot: Snapshot) => void>()
  readonly #failures = new Map<string, Failure>()
  readonly #points: HistoryPoint[] = []
  #pointsInAll = 0
  /** Undefined until the stream has been listed. */
  #shards: Shard[] | undefined
  /** Without the stream, a lease that is not found on it says nothing about lost records. */
  #isStreamMissing = false
  #pauses: readonly Pause[] = []
  #invalidRows: ApplicationStatus['invalidRows'] = []
  /** The number of dead letters that were not redriven, up to `MAX_COUNTED`. Undefined until they were counted. */
  #deadLetters: number | undefined
  #hasLeaseTable = true
  #hasRead = { leases: false, shards: false }
  #hasLeases = false
  #watchingSince = 0
  #stop: AbortController | undefined
  #relist = new AbortController()

  constructor(settings: WatcherSettings) {
    this.#settings = settings
    this.#history = new LeaseHistory(settings.failoverMs)
    this.#measured = new Measurements(settings)
    const { metricsUrls, wallClock } = settings
    if (metricsUrls.length > 0) this.#metrics = new MetricsPages({ urls: metricsUrls, wallClock })
  }

  /** Calls a function with each snapshot, at once and then every second. Returns a function that ends this. */
  watch(viewer: (snapshot: Snapshot) => void): () => void {
    this.#viewers.add(viewer)
    if (this.#stop) viewer(this.snapshot())
    else this.#start()
    return () => {
      this.#viewers.delete(viewer)
      if (this.#viewers.size === 0) this.close()
    }
  }

  close(): void {
    this.#stop?.abort()
    this.#stop = undefined
  }

  /** Returns the lease of a shard, as it was last read. */
  lease(shardId: string): Lease | undefined {
    return this.#history.leases.find(({ leaseKey }) => leaseKey === shardId)
  }

  /** Returns a shard, as the stream last listed it. */
  shard(shardId: string): Shard | undefined {
    return this.#shards?.find(shard => shard.shardId === shardId)
  }

  #start(): void {
    const { wallClock } = this.#settings
    this.#stop = new AbortController()
    const { signal } = this.#stop
    this.#watchingSince = wallClock()
    this.#history.restart(this.#watchingSince)
    // The loops do not reject for an error of AWS: the page shows it.
    void this.#every(LEASES_INTERVAL_MS, signal, () => this.#readLeases())
    void this.#every(SHARDS_INTERVAL_MS, signal, () => this.#readShards())
    void this.#every(DEAD_LETTERS_INTERVAL_MS, signal, () => this.#countDeadLetters(signal))
    void this.#every(PUBLISH_INTERVAL_MS, signal, async () => this.#publish())
    this.#metrics?.restart()
    void this.#every(HISTORY_INTERVAL_MS, signal, () => this.#addPoint(signal))
    this.#measured.run(
      {
        ids: () => (this.#isStreamMissing ? [] : [...this.#views().keys()]),
        lease: id => this.lease(id),
        shard: id => this.shard(id),
        attempt: (id, run) => this.#attempt(`reads ${id}`, this.#streamTarget('kinesis:GetRecords'), run, signal),
      },
      signal,
    )
  }

  async #every(intervalMs: number, signal: AbortSignal, run: () => Promise<void>): Promise<void> {
    const { clock } = this.#settings
    while (!signal.aborted) {
      await run()
      const wait = intervalMs === SHARDS_INTERVAL_MS ? AbortSignal.any([signal, this.#relist.signal]) : signal
      await clock.sleep(intervalMs, wait)
    }
  }

  async #readLeases(): Promise<void> {
    const { admin, applicationName, wallClock } = this.#settings
    const target = { action: 'dynamodb:Scan', resource: `the lease table '${applicationName}'` }
    await this.#attempt('leases', target, async () => {
      try {
        const { leases, pauses, invalidRows } = await admin.status()
        this.#pauses = pauses
        this.#invalidRows = invalidRows
        this.#hasLeaseTable = true
        this.#hasLeases = true
        const before = new Set(this.#history.leases.map(({ leaseKey }) => leaseKey))
        this.#history.add(leases, wallClock())
        // A new lease, or a shard that was read to its end, is a sign of a reshard.
        if (this.#hasRead.shards && leases.some(({ leaseKey }) => !before.has(leaseKey) && !this.shard(leaseKey))) {
          this.#readShardsNow()
        }
      } catch (error) {
        if (error instanceof LeaseTableMissingError) this.#hasLeaseTable = false
        throw error
      } finally {
        this.#hasRead.leases = true
      }
    })
  }

  /** Ends the wait of the loop that lists the shards. */
  #readShardsNow(): void {
    this.#relist.abort()
    this.#relist = new AbortController()
  }

  async #readShards(): Promise<void> {
    const { stream } = this.#settings
    await this.#attempt('shards', this.#streamTarget('kinesis:ListShards'), async () => {
      try {
        this.#shards = await stream.listShards()
        this.#isStreamMissing = false
      } catch (error) {
        this.#isStreamMissing = describeRequestFailure(error).kind === 'missing'
        throw error
      }
    })
    this.#hasRead.shards = true
  }

  async #countDeadLetters(signal: AbortSignal): Promise<void> {
    const { deadLetters } = this.#settings
    if (!deadLetters) return
    const target = { action: 's3:ListBucket and s3:GetObject', resource: `dead-letters/ in '${deadLetters.bucket}'` }
    const count = async () => {
      this.#deadLetters = await countWaiting(deadLetters.archive, MAX_COUNTED, signal)
    }
    await this.#attempt('dead letters', target, count, signal)
  }

  #streamTarget(action: string): Target {
    return { action, resource: `the stream '${this.#settings.streamName}'` }
  }

  /** Runs a request. A failure is shown until the same request succeeds. */
  async #attempt(what: string, target: Target, run: () => Promise<void>, signal?: AbortSignal): Promise<void> {
    try {
      await run()
      this.#failures.delete(what)
    } catch (error) {
      if (signal?.aborted) return
      this.#failures.set(what, explainFailure(error, target))
    }
  }

  #views(): Map<string, ShardView> {
    if (this.#isStreamMissing) this.#measured.keep(new Set())
    const { lags, arrivals } = this.#measured
    const views = shardViews({ shards: this.#shards, history: this.#history, lags, arrivals })
    this.#measured.keep(views)
    return views
  }

  snapshot(): Snapshot {
    const { wallClock, failoverMs, applicationName } = this.#settings
    const now = wallClock()
    const shards = this.#views()
    const memory = this.#metrics?.memory(applicationName)
    const workers = this.#history.workers(now).map(one => ({ ...one, memory: memory?.get(one.id) ?? null }))
    const throughput = this.#metrics?.view() ?? null
    const deadLetters = { count: this.#deadLetters ?? null, isMore: this.#deadLetters === MAX_COUNTED }
    const findings = findingsOf({
      now,
      shards: [...shards.values()],
      workers,
      pauses: this.#pauses.map(toPauseView),
      failures: this.#failures,
      invalidRows: this.#invalidRows,
      deadLetters,
      hasLeaseTable: this.#hasLeaseTable,
      throughput,
      failoverMs,
    })
    return {
      summary: {
        at: now,
        watchingSince: this.#watchingSince,
        workers,
        pauses: this.#pauses.map(toPauseView),
        findings,
        isReady: this.#hasRead.leases && this.#hasRead.shards,
        hasLeases: this.#hasLeases,
        hasShards: this.#shards !== undefined,
        lagIntervalMs: Measurements.intervalMs(shards.size),
        throughput,
        destinations: this.#metrics?.destinations() ?? null,
        drain: drainOf(this.#points, throughput, now),
        deadLetters: this.#settings.deadLetters ? deadLetters : null,
      },
      shards,
      moves: this.#history.moves,
      history: { newest: this.#points, total: this.#pointsInAll },
    }
  }

  #publish(): void {
    const snapshot = this.snapshot()
    for (const viewer of this.#viewers) viewer(snapshot)
  }

  async #addPoint(signal: AbortSignal): Promise<void> {
    await this.#metrics?.read(signal)
    if (signal.aborted || !this.#hasRead.leases || !this.#hasRead.shards) return
    this.#pointsInAll++
    this.#points.push(
      pointOf({
        at: this.#settings.wallClock(),
        lags: [...this.#measured.lags.values()],
        arrivals: [...this.#measured.arrivals.values()],
        leases: this.#history.leases,
        throughput: this.#metrics?.view() ?? null,
      }),
    )
    if (this.#points.length > MAX_POINTS) this.#points.shift()
  }
}
