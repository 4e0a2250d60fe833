import type { ApplicationStatus } from '../../consumer/index.ts'
import type { Failure, Finding, PauseView, ShardView, ThroughputView, WorkerView } from '../snapshot.ts'

export interface FindingsInput {
  now: number
  shards: readonly ShardView[]
  workers: readonly WorkerView[]
  pauses: readonly PauseView[]
  /** Requests that fail, by what they read. */
  failures: ReadonlyMap<string, Failure>
  /** The rows of the lease table that cannot be read. */
  invalidRows: ApplicationStatus['invalidRows']
  /** Dead letters that were not redriven. With `isMore`, there may be more than `count`. Null: unknown. */
  deadLetters: { count: number | null; isMore: boolean }
  hasLeaseTable: boolean
  /** Null: the console was given no pages of metrics. */
  throughput: ThroughputView | null
  failoverMs: number
}

/** The alarm of a deployment has the same bound. */
const LATE_MS = 5 * 60_000
/** A shard that is this far behind and whose checkpoint does not move is stuck. */
const STUCK_MS = 60_000
const WARN_LAG_MS = 30_000
/** The relay publishes an event within seconds unless Kinesis takes none. */
const OUTBOX_MS = 60_000
/** https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html */
const MAX_SHARD_BYTES = 1024 ** 2
const MAX_SHARD_RECORDS = 1_000
const HOT = 0.8

const DOCS = 'https://github.com/headgate/headgate/blob/main/docs/how-to'
const runbook = (section: string) => ({
  text: `Runbook: ${section}`,
  url: `${DOCS}/runbook.md#${section.toLowerCase()}`,
})
const operating = { text: 'A shard makes no progress', url: `${DOCS}/operate.md#a-shard-makes-no-progress` }

/** Returns what is wrong now, the worst first. */
export function findingsOf(input: FindingsInput): Finding[] {
  const findings = [
    ...fromFailures(input),
    ...fromInvalidRows(input),
    ...fromPauses(input),
    ...fromWorkers(input),
    ...fromDeadLetters(input),
    ...fromThroughput(input),
    ...fromOwnership(input),
    ...input.shards.flatMap(shard => fromShard(shard, input)),
  ]
  return findings.sort((a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity))
}

const SEVERITIES: ReadonlyArray<Finding['severity']> = ['critical', 'warning', 'info']

function fromFailures({ failures }: FindingsInput): Finding[] {
  // The same failure of a thousand shards is one failure.
  const byTitle = new Map([...failures].toReversed().map(failure => [failure[1].title, failure]))
  return Array.from(byTitle.values(), ([what, { title, advice }]) => ({
    id: `failure ${what}`,
    severity: 'critical',
    title,
    text: advice,
  }))
}

function fromInvalidRows({ invalidRows }: FindingsInput): Finding[] {
  return invalidRows.map(({ leaseKey, problem }) => ({
    id: `invalid row ${leaseKey}`,
    severity: 'critical',
    title: problem,
    text: 'No worker takes leases until the row is repaired or deleted. A deleted row loses the checkpoint of its shard. The console shows the other rows.',
  }))
}

function fromPauses({ pauses, now }: FindingsInput): Finding[] {
  return pauses.map(({ workerId, by, reason, at }) => ({
    id: `paused ${workerId}`,
    severity: 'warning',
    title: `${workerId === null ? 'The application is' : `${workerId} is`} paused.`,
    text: `${by} paused it ${duration(now - at)} ago: ${reason}. Records wait until it is resumed.`,
    view: { name: 'workers', text: 'Show the workers' },
  }))
}

function fromWorkers({ workers, failoverMs, now }: FindingsInput): Finding[] {
  return workers
    .filter(({ state, shards }) => state === 'silent' && shards.length > 0)
    .map(({ id, shards, renewedAt }) => ({
      id: `silent ${id}`,
      severity: 'critical',
      title: `${id} is silent and still holds ${count(shards.length, 'lease')}.`,
      text: `${renewedAt === null ? 'It has renewed no lease since this console began to watch' : `It renewed its last lease ${duration(now - renewedAt)} ago`}. Another worker takes the leases over once they are ${duration(failoverMs)} old. If none does, no worker runs.`,
      link: runbook('MissingWorkerTasks'),
    }))
}

function fromDeadLetters({ deadLetters }: FindingsInput): Finding[] {
  if (deadLetters.count === null || deadLetters.count === 0) return []
  const waiting = count(deadLetters.count, 'dead letter')
  return [
    {
      id: 'dead letters',
      severity: 'warning',
      title: deadLetters.isMore
        ? `${waiting} or more wait.`
        : `${waiting} ${deadLetters.count === 1 ? 'waits' : 'wait'}.`,
      text: 'These records could not be processed. Fix the cause, then redrive or discard them.',
      view: { name: 'dead-letters', text: 'Show the dead letters' },
      link: runbook('DeadLetters'),
    },
  ]
}

function fromThroughput({ throughput }: FindingsInput): Finding[] {
  if (!throughput) return []
  const { isEventOutage, openBreakers, outboxAgeMs, silentPages } = throughput
  const found: Finding[] = []
  if (isEventOutage) {
    found.push({
      id: 'event outage',
      severity: 'critical',
      title: 'The stream takes no events from the api.',
      text: 'Uploads are accepted with 202, and their events wait in the outbox until Kinesis takes events again.',
      link: runbook('OutboxAge'),
    })
  }
  if (openBreakers !== null && openBreakers > 0) {
    found.push({
      id: 'breakers',
      severity: 'critical',
      title: `${count(openBreakers, 'worker')} ${openBreakers === 1 ? 'holds' : 'hold'} back all records.`,
      text: 'A dependency such as S3 or DynamoDB failed for many records in a row. No record starts until a trial succeeds. The log of the workers has the error.',
      link: runbook('IteratorAge'),
    })
  }
  if (outboxAgeMs !== null && outboxAgeMs > OUTBOX_MS) {
    found.push({
      id: 'outbox',
      severity: 'warning',
      title: `An event has waited in the outbox for ${duration(outboxAgeMs)}.`,
      text: 'Its upload is stored and recorded, and will be processed after the relay has published the event.',
      link: runbook('OutboxAge'),
    })
  }
  if (silentPages.length > 0) {
    found.push({
      id: 'silent pages',
      severity: 'info',
      title: `${count(silentPages.length, 'page')} of metrics ${silentPages.length === 1 ? 'does' : 'do'} not respond.`,
      text: `The rates leave out ${listOf(silentPages)}. The process has ended, or has no ADMIN_PORT or HEALTH_PORT that this machine can reach.`,
    })
  }
  return found
}

function fromOwnership({ shards: all, hasLeaseTable, failures, invalidRows }: FindingsInput): Finding[] {
  if (!hasLeaseTable || failures.has('leases')) return []
  // The row of a shard may name an owner, and be invalid for another reason.
  const invalid = new Set(invalidRows.map(({ leaseKey }) => leaseKey))
  const shards = all.filter(({ id }) => !invalid.has(id))
  const unfinished = shards.filter(({ isFinished }) => !isFinished)
  const unowned = unfinished.filter(({ isListed, lease }) => isListed && lease?.owner == null)
  const waiting = unowned.filter(shard => shard.lease !== null || !hasUnfinishedParent(shard, shards))
  if (waiting.length === 0) return []
  const isAll = waiting.length === unfinished.length
  const [first] = waiting
  return [
    {
      id: 'unowned',
      severity: isAll ? 'critical' : 'warning',
      title: isAll ? 'No worker reads the stream.' : `${count(waiting.length, 'shard')} without an owner.`,
      text: isAll
        ? 'No lease has an owner: no worker runs, or the workers cannot write the lease table. Records wait in the stream until they expire.'
        : `Nobody reads ${listOf(waiting.map(({ id }) => id))}. A free worker takes such a lease within seconds.`,
      link: isAll ? runbook('StreamNotRead') : operating,
      ...(!isAll && first && { shardId: first.id }),
    },
  ]
}

/** A worker creates the lease of a child only after it has read the parents. */
function hasUnfinishedParent({ parents }: ShardView, shards: readonly ShardView[]): boolean {
  return parents.some(id => shards.find(shard => shard.id === id)?.isFinished === false)
}

function fromShard({ id, lag, lease, arrivals, isFinished }: ShardView, { now }: FindingsInput): Finding[] {
  const found: Finding[] = []
  if (lag?.isTrimmed && !isFinished) {
    found.push({
      id: `trimmed ${id}`,
      severity: 'critical',
      title: `${id} has lost records.`,
      text: 'Its checkpoint is older than the oldest record of the shard: records expired before a worker read them.',
      link: runbook('RecordsExpired'),
      shardId: id,
    })
  }
  // As of the measurement: with many shards, the next one comes late.
  const waitingMs = lag?.oldestWaiting == null ? 0 : lag.measuredAt - lag.oldestWaiting
  const stillMs = lease?.progressedAt == null ? undefined : now - lease.progressedAt
  if (waitingMs > LATE_MS || (waitingMs > STUCK_MS && stillMs !== undefined && stillMs > STUCK_MS)) {
    const isStuck = stillMs === undefined || stillMs > STUCK_MS
    found.push({
      id: `late ${id}`,
      severity: 'critical',
      title: `${id} is ${duration(waitingMs)} behind${isStuck ? ' and makes no progress' : ''}.`,
      text: isStuck
        ? 'A record has waited since then, and the checkpoint does not move. The log of the owner names the record and the error.'
        : 'The checkpoint moves, so the workers are too slow for what arrives, or they catch up after an outage.',
      link: runbook(isStuck ? 'StuckShards' : 'IteratorAge'),
      shardId: id,
    })
  } else if (waitingMs > WARN_LAG_MS) {
    found.push({
      id: `behind ${id}`,
      severity: 'warning',
      title: `${id} is ${duration(waitingMs)} behind.`,
      text: 'Its oldest unprocessed record has waited that long.',
      link: runbook('IteratorAge'),
      shardId: id,
    })
  }
  if (arrivals && isHot(arrivals)) {
    found.push({
      id: `hot ${id}`,
      severity: 'warning',
      title: `${id} is hot.`,
      text: `About ${Math.round(arrivals.recordsPerSecond)} records and ${Math.round(arrivals.bytesPerSecond / 1024)} KiB arrive a second. A shard accepts 1,000 records and 1,024 KiB a second. Split it, or use more partition keys.`,
      link: runbook('StreamWritesThrottled'),
      shardId: id,
    })
  }
  return found
}

function isHot({ recordsPerSecond, bytesPerSecond }: { recordsPerSecond: number; bytesPerSecond: number }): boolean {
  return recordsPerSecond > HOT * MAX_SHARD_RECORDS || bytesPerSecond > HOT * MAX_SHARD_BYTES
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}

function listOf(ids: readonly string[]): string {
  const shown = ids.slice(0, 3).join(', ')
  return ids.length > 3 ? `${shown} and ${ids.length - 3} more` : shown
}

function duration(ms: number): string {
  const seconds = Math.round(ms / 1_000)
  if (seconds < 120) return `${seconds} s`
  const minutes = Math.round(seconds / 60)
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`
}
